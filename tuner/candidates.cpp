#include "tuner/candidates.h"

#include <algorithm>

namespace tilesmith {

namespace {

constexpr int kSampleTries = 64;  // without anything fresh, before the rest of the spaces is enumerated
constexpr int kBreedTries = 8;
constexpr size_t kChunk = 4096;    // schedules enumerated at a time
constexpr size_t kNeighbours = 8;  // of a pool's schedule

}  // namespace

size_t difference(const Schedule& a, const Schedule& b) {
    const size_t size = std::max(a.values().size(), b.values().size());
    if (a.template_id() != b.template_id()) return size + 1;
    size_t same = 0;
    for (size_t i = 0; i < std::min(a.values().size(), b.values().size()); ++i)
        same += a.values()[i] == b.values()[i] ? 1 : 0;
    return size - same;
}

Candidates::Candidates(const SearchContext& context) : context_(&context), rng_(context.seed) {
    take(context.default_schedule);
    for (const Trial& trial : context.history)
        if (trial.key == context.key) take(trial.schedule);
}

const Space* Candidates::space_of(const Schedule& schedule) const {
    for (const Space& space : context_->spaces)
        if (space.template_id() == schedule.template_id()) return &space;
    return nullptr;
}

std::optional<Schedule> Candidates::random() {
    if (context_->pool.empty() && !context_->spaces.empty() && !enumerated_) {
        for (int i = 0; i < kSampleTries; ++i) {
            auto schedule = rng_.pick(context_->spaces).sample(rng_);
            if (schedule && fresh(*schedule)) return schedule;
        }
    }
    return random_remaining();
}

std::optional<Schedule> Candidates::random_remaining() {
    for (;;) {
        while (!remaining_.empty()) {
            const auto at = static_cast<size_t>(rng_.below(remaining_.size()));
            if (fresh(remaining_[at])) return remaining_[at];
            remaining_[at] = std::move(remaining_.back());
            remaining_.pop_back();
        }
        remaining_ = enumerate_fresh(kChunk);
        enumerated_ = true;
        if (remaining_.empty()) return std::nullopt;
    }
}

std::vector<Schedule> Candidates::enumerate_fresh(size_t most) const {
    std::vector<Schedule> result;
    const auto visit = [&](const Schedule& schedule) {
        if (fresh(schedule)) result.push_back(schedule);
        return result.size() < most;
    };
    if (!context_->pool.empty()) {
        for (const Schedule& schedule : context_->pool)
            if (!visit(schedule)) break;
        return result;
    }
    for (const Space& space : context_->spaces) {
        if (result.size() >= most) break;
        space.enumerate(visit);
    }
    return result;
}

std::optional<Schedule> Candidates::mutate(const Schedule& parent) {
    if (!context_->pool.empty()) return near_in_pool(parent);
    const Space* space = space_of(parent);
    if (space == nullptr) return std::nullopt;
    std::optional<Schedule> child = parent;
    // Where the neighbourhood is tried already, the walk goes on from it.
    for (int i = 0; i < kBreedTries && child; ++i) {
        child = space->mutate(*child, rng_);
        if (child && fresh(*child)) return child;
    }
    return std::nullopt;
}

std::optional<Schedule> Candidates::cross(const Schedule& mother, const Schedule& father) {
    if (mother.template_id() != father.template_id()) return std::nullopt;
    if (!context_->pool.empty()) {
        Schedule wish(mother.template_id());
        for (const auto& [name, value] : mother.values()) {
            const Value* other = father.find(name);
            wish.set(name, other != nullptr && rng_.below(2) == 1 ? *other : value);
        }
        return near_in_pool(wish);
    }
    const Space* space = space_of(mother);
    if (space == nullptr) return std::nullopt;
    for (int i = 0; i < kBreedTries; ++i) {
        auto child = space->cross(mother, father, rng_);
        if (child && fresh(*child)) return child;
    }
    return std::nullopt;
}

std::optional<Schedule> Candidates::carry_over(const Schedule& wish) {
    if (!context_->pool.empty()) return near_in_pool(wish);
    for (const Space& space : context_->spaces) {
        if (space.template_id().name != wish.template_id().name) continue;
        auto schedule = space.repair(wish);
        if (schedule && fresh(*schedule)) return schedule;
    }
    return std::nullopt;
}

std::optional<Schedule> Candidates::near_in_pool(const Schedule& wish) {
    std::vector<std::pair<size_t, const Schedule*>> near;
    for (const Schedule& schedule : context_->pool)
        if (fresh(schedule)) near.emplace_back(difference(wish, schedule), &schedule);
    if (near.empty()) return std::nullopt;
    const size_t count = std::min(kNeighbours, near.size());
    std::partial_sort(near.begin(), near.begin() + static_cast<std::ptrdiff_t>(count), near.end(),
                      [](const auto& a, const auto& b) { return a.first < b.first; });
    return *near[static_cast<size_t>(rng_.below(count))].second;
}

std::optional<Schedule> Candidates::next_in_order() {
    while (!ahead_.empty() && !fresh(ahead_.back())) ahead_.pop_back();
    if (ahead_.empty()) {
        ahead_ = enumerate_fresh(kChunk);
        std::reverse(ahead_.begin(), ahead_.end());
    }
    if (ahead_.empty()) return std::nullopt;
    return ahead_.back();
}

std::vector<Schedule> parents_of(const Scores& scores, const Schedule& default_schedule, size_t most) {
    std::vector<Schedule> parents;
    for (const Score& score : scores.ranking()) {
        if (parents.size() >= most) break;
        parents.push_back(score.schedule);
    }
    if (parents.size() < most / 4) parents.push_back(default_schedule);
    return parents;
}

std::optional<Proposal> breed(Candidates& candidates, const std::vector<Schedule>& parents) {
    Rng& rng = candidates.rng();
    // The smaller of two draws: better parents have more children, and no parent is left out.
    const auto parent = [&]() -> const Schedule& {
        return parents[static_cast<size_t>(std::min(rng.below(parents.size()), rng.below(parents.size())))];
    };
    const double what = rng.uniform();
    std::optional<Schedule> child;
    if (!parents.empty() && what < 0.6) {
        child = candidates.mutate(parent());
        if (child) return Proposal{std::move(*child), "mutation"};
    } else if (parents.size() > 1 && what < 0.8) {
        const Schedule& mother = parent();
        child = candidates.cross(mother, parent());
        if (child) return Proposal{std::move(*child), "crossing"};
    }
    child = candidates.random();
    if (!child) return std::nullopt;
    return Proposal{std::move(*child), "random"};
}

}  // namespace tilesmith
