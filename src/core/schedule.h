// A schedule: one value for every decision of one template. Readable JSON; the thing that is stored, mutated, crossed
// and replayed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace tilesmith {

// A whole number (tile sizes, 0/1 switches) or a named choice ("nm").
using Value = std::variant<int64_t, std::string>;
std::string value_text(const Value& value);

struct TemplateId {
    std::string name;
    int version = 1;

    friend bool operator==(const TemplateId&, const TemplateId&) = default;
};

class Schedule {
  public:
    Schedule() = default;
    explicit Schedule(TemplateId id) : id_(std::move(id)) {}

    [[nodiscard]] const TemplateId& template_id() const { return id_; }
    [[nodiscard]] const std::vector<std::pair<std::string, Value>>& values() const { return values_; }

    // Null where the decision has no value (yet).
    [[nodiscard]] const Value* find(std::string_view decision) const;
    // The value of a numeric / a named decision. A missing one or one of the other kind is a bug of the template:
    // throws run_failed naming the decision.
    [[nodiscard]] int64_t number(std::string_view decision) const;
    [[nodiscard]] const std::string& choice(std::string_view decision) const;
    [[nodiscard]] bool flag(std::string_view decision) const { return number(decision) != 0; }

    // Sets a decision, keeping the order of first setting.
    Schedule& set(std::string_view decision, Value value);

    // Forgets all but the first `count` decisions.
    void keep_first(size_t count);

    // {"template": "register_tile", "version": 1, "mr": 6, "order": "nm", ...}, in decision order.
    [[nodiscard]] nlohmann::ordered_json to_json() const;
    // Throws bad_input naming the field.
    static Schedule from_json(const nlohmann::ordered_json& json);

    // Canonical: to_json() without white space. The hash of it is the schedule's ID.
    [[nodiscard]] std::string text() const;
    [[nodiscard]] uint64_t hash() const;

    friend bool operator==(const Schedule&, const Schedule&) = default;

  private:
    TemplateId id_;
    std::vector<std::pair<std::string, Value>> values_;
};

}  // namespace tilesmith
