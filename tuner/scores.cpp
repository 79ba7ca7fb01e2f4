#include "tuner/scores.h"

#include <algorithm>
#include <tuple>

namespace tilesmith {

void Scores::add(const Trial& trial) {
    if (reference_ns_ == 0) reference_ns_ = trial.outcome.reference_ns;
    Entry& entry = entries_.try_emplace(trial.schedule.hash(), Entry{trial.schedule, {}}).first->second;
    const double cost = cost_ns(trial.outcome);
    if (cost > 0) {
        entry.costs_ns.push_back(cost);
        entry.censored = entry.censored && trial.outcome.censored;
    } else {
        entry.broken = true;
    }
}

double Scores::cost_ns(const Outcome& outcome) const {
    if (!outcome.ok() || outcome.samples_ns.empty()) return 0;
    double correction = 1;
    if (reference_ns_ > 0 && outcome.reference_ns > 0)
        correction = std::clamp(reference_ns_ / outcome.reference_ns, 0.5, 2.0);
    return median(outcome.samples_ns) * correction;
}

std::vector<Score> Scores::ranking() const {
    std::vector<std::tuple<double, uint64_t, const Entry*>> order;
    for (const auto& [hash, entry] : entries_)
        if (!entry.broken && !entry.censored) order.emplace_back(median(entry.costs_ns), hash, &entry);
    std::sort(order.begin(), order.end());
    std::vector<Score> result;
    result.reserve(order.size());
    for (const auto& [cost, hash, entry] : order) result.push_back({entry->schedule, cost});
    return result;
}

}  // namespace tilesmith
