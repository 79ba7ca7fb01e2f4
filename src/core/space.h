// The decisions of a template. The domain of each may depend on the earlier ones, so that most of what is sampled is
// worth compiling. Knows no Halide: thousands of schedules are sampled, mutated and counted in milliseconds.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/rng.h"
#include "core/schedule.h"

namespace tilesmith {

struct Decision {
    std::string name;
    // The allowed values given the earlier decisions, in a meaningful order (neighbours in the list are neighbours in
    // effect). Must depend on `earlier` alone. Empty: these earlier decisions lead nowhere (a dead end, retried by
    // sample()).
    std::function<std::vector<Value>(const Schedule& earlier)> domain;
};

class Space {
  public:
    Space(TemplateId id, std::vector<Decision> decisions) : id_(std::move(id)), decisions_(std::move(decisions)) {}

    [[nodiscard]] const TemplateId& template_id() const { return id_; }
    [[nodiscard]] const std::vector<Decision>& decisions() const { return decisions_; }

    // Null when `schedule` has exactly these decisions, in this order, each inside its domain; else what is wrong.
    [[nodiscard]] std::optional<std::string> why_not(const Schedule& schedule) const;
    [[nodiscard]] bool contains(const Schedule& schedule) const { return !why_not(schedule); }

    // A random schedule: each decision uniform over its domain. Null if only dead ends were met (a space without
    // schedules).
    [[nodiscard]] std::optional<Schedule> sample(Rng& rng) const;

    // `parent` with one decision changed (mostly to a neighbour in its domain); later values that left their domains
    // move to the nearest value that is allowed.
    [[nodiscard]] std::optional<Schedule> mutate(const Schedule& parent, Rng& rng) const;

    // Each decision from one of the parents, at random, repaired as in mutate(). The parents may be of an older space.
    [[nodiscard]] std::optional<Schedule> cross(const Schedule& mother, const Schedule& father, Rng& rng) const;

    // The schedule of this space nearest to `wish` (decisions it lacks take their first value): how a schedule of
    // another shape or version is carried over.
    [[nodiscard]] std::optional<Schedule> repair(const Schedule& wish) const;

    // Calls `visit` for every schedule in lexicographic order until it returns false or all are visited.
    void enumerate(const std::function<bool(const Schedule&)>& visit) const;

    // The number of schedules, counting no further than `limit`.
    [[nodiscard]] uint64_t count(uint64_t limit) const;

  private:
    TemplateId id_;
    std::vector<Decision> decisions_;
};

}  // namespace tilesmith
