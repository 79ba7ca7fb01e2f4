// Where searches get schedules from: the spaces of a problem, or the recorded pool of a replay, and nothing twice. What
// all searches share is here, so that each of them is a page.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_set>
#include <vector>

#include "core/rng.h"
#include "core/schedule.h"
#include "tuner/scores.h"
#include "tuner/search.h"

namespace tilesmith {

class Candidates {
  public:
    // `context` must outlive it. The default schedule and the history under the context's key count as taken.
    explicit Candidates(const SearchContext& context);

    [[nodiscard]] Rng& rng() { return rng_; }

    // Never taken before.
    [[nodiscard]] bool fresh(const Schedule& schedule) const { return taken_.count(schedule.hash()) == 0; }
    void take(const Schedule& schedule) { taken_.insert(schedule.hash()); }

    // All below give a schedule that is legal and fresh, and leave it to the caller to take it.
    // Null when there is none left at all.
    std::optional<Schedule> random();
    // A neighbour of `parent`. Null when none was found in a few tries.
    std::optional<Schedule> mutate(const Schedule& parent);
    // Decisions from both. Null when nothing fresh came of it in a few tries, or the parents' templates differ.
    std::optional<Schedule> cross(const Schedule& mother, const Schedule& father);
    // The legal schedules nearest to one of another problem, device or template version, in each template of that name.
    std::optional<Schedule> carry_over(const Schedule& wish);
    // The next in lexicographic order, template by template. Null at the end.
    std::optional<Schedule> next_in_order();

  private:
    const Space* space_of(const Schedule& schedule) const;
    std::optional<Schedule> near_in_pool(const Schedule& wish);
    std::optional<Schedule> random_remaining();
    std::vector<Schedule> enumerate_fresh(size_t most) const;

    const SearchContext* context_;
    Rng rng_;
    std::unordered_set<uint64_t> taken_;
    std::vector<Schedule> remaining_;  // what random() gives once sampling meets nothing fresh any more
    bool enumerated_ = false;          // remaining_ was filled
    std::vector<Schedule> ahead_;      // of next_in_order(), in reverse
};

// How many decisions differ; schedules of different templates differ in all of them.
size_t difference(const Schedule& a, const Schedule& b);

// The `most` best schedules. While few are known the default schedule is one of them: its neighbourhood is the best
// guess then.
std::vector<Schedule> parents_of(const Scores& scores, const Schedule& default_schedule, size_t most);

// A child of `parents`, the best first: mutation of one, crossing of two, or, now and then and without parents, a
// random schedule. Null when none are left at all.
std::optional<Proposal> breed(Candidates& candidates, const std::vector<Schedule>& parents);

}  // namespace tilesmith
