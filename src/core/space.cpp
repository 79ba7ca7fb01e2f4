// Walking a space: one depth-first walk serves sampling, repairing and enumerating, which differ only in the order in
// which a domain's values are tried.
#include "core/space.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace tilesmith {

namespace {

// Domains asked for before a walk gives up: far more than any sensible space needs, and yet no endless loop.
constexpr int64_t kMostSteps = 100'000;
constexpr int kMutationTries = 16;
constexpr double kNeighbourShare = 0.75;

// Puts a domain's values into the order in which they are to be tried.
using Order = std::function<void(const Decision& decision, std::vector<Value>& domain)>;
// Sees every complete schedule; false ends the walk.
using Leaf = std::function<bool(const Schedule&)>;

class Walk {
  public:
    Walk(const Space& space, const Order& order, const Leaf& leaf, int64_t most_steps)
        : decisions_(space.decisions()),
          order_(order),
          leaf_(leaf),
          steps_left_(most_steps),
          schedule_(space.template_id()) {}

    void run() { descend(0); }

  private:
    // False: the walk is over.
    bool descend(size_t depth) {
        if (depth == decisions_.size()) return leaf_(schedule_);
        if (steps_left_-- <= 0) return false;
        const Decision& decision = decisions_[depth];
        std::vector<Value> domain = decision.domain(schedule_);
        if (order_) order_(decision, domain);
        for (const Value& value : domain) {
            schedule_.set(decision.name, value);
            if (!descend(depth + 1)) return false;
            schedule_.keep_first(depth);
        }
        return true;
    }

    const std::vector<Decision>& decisions_;
    const Order& order_;
    const Leaf& leaf_;
    int64_t steps_left_;
    Schedule schedule_;
};

std::optional<Schedule> first_in(const Space& space, const Order& order) {
    std::optional<Schedule> found;
    const Leaf take = [&found](const Schedule& schedule) {
        found = schedule;
        return false;
    };
    Walk(space, order, take, kMostSteps).run();
    return found;
}

// How far `value` is from `wish`: the difference of numbers; named choices are either the same or not.
double distance(const Value& value, const Value& wish) {
    if (value == wish) return 0;
    const auto* a = std::get_if<int64_t>(&value);
    const auto* b = std::get_if<int64_t>(&wish);
    if (a == nullptr || b == nullptr) return HUGE_VAL;
    return std::abs(static_cast<double>(*a) - static_cast<double>(*b));
}

// The values nearest to the wish first; the domain's own order where distances are equal or nothing was wished.
void nearest_first(const Schedule& wish, const Decision& decision, std::vector<Value>& domain) {
    const Value* wanted = wish.find(decision.name);
    if (wanted == nullptr) return;
    std::stable_sort(domain.begin(), domain.end(),
                     [wanted](const Value& a, const Value& b) { return distance(a, *wanted) < distance(b, *wanted); });
}

// The domain of decision `index` under the earlier values of `schedule`, which is inside the space.
std::vector<Value> domain_at(const std::vector<Decision>& decisions, const Schedule& schedule, size_t index) {
    Schedule earlier = schedule;
    earlier.keep_first(index);
    return decisions[index].domain(earlier);
}

// Another value of `domain`: mostly a neighbour of `current` in the list. The domain has at least two values.
const Value& other_value(const std::vector<Value>& domain, const Value& current, Rng& rng) {
    const auto at = static_cast<size_t>(std::find(domain.begin(), domain.end(), current) - domain.begin());
    if (rng.uniform() < kNeighbourShare) {
        if (at == 0) return domain[1];
        if (at + 1 >= domain.size()) return domain[at - 1];
        return rng.below(2) == 0 ? domain[at - 1] : domain[at + 1];
    }
    const auto other = static_cast<size_t>(rng.below(domain.size() - 1));
    return domain[other < at ? other : other + 1];
}

std::string list_text(const std::vector<Value>& values) {
    std::string text;
    for (const Value& value : values) text += fmt::format("{}{}", text.empty() ? "" : ", ", value_text(value));
    return text.empty() ? "nothing" : text;
}

}  // namespace

std::optional<std::string> Space::why_not(const Schedule& schedule) const {
    const TemplateId& id = schedule.template_id();
    if (!(id == id_))
        return fmt::format("it is of template {} version {}, not of {} version {}", id.name, id.version, id_.name,
                           id_.version);
    const auto& values = schedule.values();
    Schedule earlier(id_);
    for (size_t i = 0; i < decisions_.size(); ++i) {
        const Decision& decision = decisions_[i];
        if (schedule.find(decision.name) == nullptr) return fmt::format("decision '{}' is missing", decision.name);
        if (i >= values.size() || values[i].first != decision.name)
            return fmt::format("decision '{}' is out of order: it must be number {}", decision.name, i + 1);
        const std::vector<Value> domain = decision.domain(earlier);
        const Value& value = values[i].second;
        if (std::find(domain.begin(), domain.end(), value) == domain.end())
            return fmt::format("{}={} is outside its domain: {}", decision.name, value_text(value), list_text(domain));
        earlier.set(decision.name, value);
    }
    if (values.size() > decisions_.size())
        return fmt::format("template {} has no decision '{}'", id_.name, values[decisions_.size()].first);
    return std::nullopt;
}

std::optional<Schedule> Space::sample(Rng& rng) const {
    return first_in(*this, [&rng](const Decision&, std::vector<Value>& domain) { rng.shuffle(domain); });
}

std::optional<Schedule> Space::repair(const Schedule& wish) const {
    return first_in(*this, [&wish](const Decision& decision, std::vector<Value>& domain) {
        nearest_first(wish, decision, domain);
    });
}

std::optional<Schedule> Space::mutate(const Schedule& parent, Rng& rng) const {
    const std::optional<Schedule> start = contains(parent) ? parent : repair(parent);
    if (!start) return std::nullopt;
    std::vector<size_t> open;  // decisions that could take another value
    for (size_t i = 0; i < decisions_.size(); ++i)
        if (domain_at(decisions_, *start, i).size() > 1) open.push_back(i);
    if (open.empty()) return std::nullopt;
    for (int attempt = 0; attempt < kMutationTries; ++attempt) {
        const size_t index = rng.pick(open);
        const Decision& decision = decisions_[index];
        Schedule wish = *start;
        const std::vector<Value> domain = domain_at(decisions_, *start, index);
        wish.set(decision.name, other_value(domain, *start->find(decision.name), rng));
        const std::optional<Schedule> child = repair(wish);
        if (child && !(*child == *start)) return child;
    }
    return std::nullopt;
}

std::optional<Schedule> Space::cross(const Schedule& mother, const Schedule& father, Rng& rng) const {
    Schedule wish(id_);
    for (const Decision& decision : decisions_) {
        const bool from_mother = rng.below(2) == 0;
        const Value* value = (from_mother ? mother : father).find(decision.name);
        if (value == nullptr) value = (from_mother ? father : mother).find(decision.name);
        if (value != nullptr) wish.set(decision.name, *value);
    }
    return repair(wish);
}

void Space::enumerate(const std::function<bool(const Schedule&)>& visit) const {
    Walk(*this, nullptr, visit, INT64_MAX).run();
}

uint64_t Space::count(uint64_t limit) const {
    uint64_t number = 0;
    if (limit == 0) return 0;
    enumerate([&](const Schedule&) { return ++number < limit; });
    return number;
}

}  // namespace tilesmith
