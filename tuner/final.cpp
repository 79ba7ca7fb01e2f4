#include "tuner/final.h"

#include <algorithm>
#include <cmath>

#include "core/hash.h"

namespace tilesmith {

namespace {

bool usable(const Contender& contender) { return contender.outcome.ok() && !contender.outcome.samples_ns.empty(); }

// Whether it was timed in every round that any was.
bool to_the_end(const std::vector<Contender>& contenders, size_t which) {
    const size_t rounds = contenders[which].outcome.samples_ns.size();
    return std::all_of(contenders.begin(), contenders.end(),
                       [&](const Contender& other) { return other.outcome.samples_ns.size() <= rounds; });
}

// Time per round over the defaults' time in that round. Empty if there is no default to compare with.
std::vector<double> ratios_to_default(const std::vector<Contender>& contenders, size_t which) {
    std::vector<double> result;
    const auto& own = contenders[which].outcome.samples_ns;
    const auto& first = contenders[0].outcome.samples_ns;
    const auto& second = contenders[1].outcome.samples_ns;
    for (size_t round = 0; round < std::min({own.size(), first.size(), second.size()}); ++round)
        result.push_back(own[round] / ((first[round] + second[round]) / 2));
    return result;
}

double noise_floor_of(const std::vector<Contender>& contenders) {
    std::vector<double> ratios;
    const auto& first = contenders[0].outcome.samples_ns;
    const auto& second = contenders[1].outcome.samples_ns;
    for (size_t round = 0; round < std::min(first.size(), second.size()); ++round)
        ratios.push_back(second[round] / first[round]);
    return ratios.empty() ? 0 : std::abs(median(ratios) - 1);
}

nlohmann::ordered_json evidence_of(const std::vector<Contender>& contenders, const std::vector<double>& screening_ns) {
    nlohmann::ordered_json rows = nlohmann::ordered_json::array();
    for (size_t i = 0; i < contenders.size(); ++i) {
        const Contender& contender = contenders[i];
        nlohmann::ordered_json row;
        row["role"] = i == 0 ? "default" : i == 1 ? "default again" : "contender";
        row["schedule_id"] = hash_text(contender.schedule.hash());
        row["schedule"] = contender.schedule.to_json();
        row["status"] = status_name(contender.outcome.status);
        if (!contender.outcome.ok()) row["reason"] = contender.outcome.reason;
        if (i < screening_ns.size() && screening_ns[i] > 0) row["screening_ns"] = screening_ns[i];
        if (usable(contender)) {
            const Interval interval = median_interval(contender.outcome.samples_ns);
            row["rounds"] = contender.outcome.samples_ns.size();
            row["median_ns"] = median(contender.outcome.samples_ns);
            row["low_ns"] = interval.low;
            row["high_ns"] = interval.high;
            if (const auto ratios = ratios_to_default(contenders, i); !ratios.empty()) {
                const Interval of_ratio = median_interval(ratios);
                row["ratio_to_default"] = median(ratios);
                row["ratio_low"] = of_ratio.low;
                row["ratio_high"] = of_ratio.high;
            }
        }
        rows.push_back(std::move(row));
    }
    return rows;
}

// The contender of the least `value` among those it has one for.
template <class Value>
std::optional<size_t> least(const std::vector<Contender>& contenders, Value value) {
    std::optional<size_t> best;
    double best_value = 0;
    for (size_t i = 0; i < contenders.size(); ++i) {
        const std::optional<double> own = value(i);
        if (own && (!best || *own < best_value)) {
            best = i;
            best_value = *own;
        }
    }
    return best;
}

}  // namespace

std::optional<Verdict> decide(const std::vector<Contender>& contenders, const std::vector<double>& screening_ns) {
    if (contenders.size() < 2) return std::nullopt;
    const bool default_works = usable(contenders[0]) && usable(contenders[1]);
    Verdict verdict;
    verdict.noise_floor = default_works ? noise_floor_of(contenders) : 0;
    std::string reason;
    if (default_works) {
        const auto winner = least(contenders, [&](size_t i) -> std::optional<double> {
            if (i < kDefaults || !usable(contenders[i]) || !to_the_end(contenders, i)) return std::nullopt;
            const auto ratios = ratios_to_default(contenders, i);
            const double ratio = median(ratios);
            if (median_interval(ratios).high >= 1 || ratio >= 1 - verdict.noise_floor) return std::nullopt;
            return ratio;
        });
        verdict.winner = winner.value_or(0);
        reason = winner ? "faster than the default beyond noise" : "none is faster than the default beyond noise";
    } else {
        const auto winner = least(contenders, [&](size_t i) -> std::optional<double> {
            if (!usable(contenders[i]) || !to_the_end(contenders, i)) return std::nullopt;
            return median(contenders[i].outcome.samples_ns);
        });
        if (!winner) return std::nullopt;
        verdict.winner = *winner;
        reason = "the default schedule failed";
    }
    verdict.evidence["reason"] = reason;
    verdict.evidence["winner"] = hash_text(contenders[verdict.winner].schedule.hash());
    verdict.evidence["noise_floor"] = verdict.noise_floor;
    verdict.evidence["rounds"] = contenders[verdict.winner].outcome.samples_ns.size();
    verdict.evidence["contenders"] = evidence_of(contenders, screening_ns);
    return verdict;
}

Selection selection_of(const std::vector<Contender>& contenders, const Verdict& verdict) {
    const Contender& winner = contenders[verdict.winner];
    Selection selection;
    selection.schedule = winner.schedule;
    selection.median_ns = median(winner.outcome.samples_ns);
    selection.interval_ns = median_interval(winner.outcome.samples_ns);
    if (usable(contenders[0])) selection.default_ns = median(contenders[0].outcome.samples_ns);
    selection.evidence = verdict.evidence;
    return selection;
}

}  // namespace tilesmith
