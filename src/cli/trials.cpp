#include "cli/trials.h"

#include <algorithm>
#include <charconv>

#include "core/error.h"

namespace tilesmith {

namespace {

constexpr size_t kHashDigits = 16;
constexpr size_t kLeastHashDigits = 6;

// The id of a schedule or the beginning of one; a short row of decimal digits is a trial's number.
bool is_schedule_hash(const std::string& id) {
    const bool hexadecimal = id.find_first_not_of("0123456789abcdef") == std::string::npos;
    const bool decimal = id.find_first_not_of("0123456789") == std::string::npos;
    return hexadecimal && (id.size() == kHashDigits || (!decimal && id.size() >= kLeastHashDigits));
}

}  // namespace

TrialSummary summarise(const Database& database, const TrialKey& key) {
    TrialQuery query;
    query.problem = key.problem;
    query.conditions = key.conditions;
    query.device = key.device;
    query.toolchain = key.toolchain;
    TrialSummary summary;
    std::map<uint64_t, std::vector<double>> samples;
    for (const Trial& trial : database.trials(query)) {
        ++summary.trials;
        if (!trial.outcome.ok()) {
            ++summary.failed[trial.outcome.status];
            continue;
        }
        if (trial.outcome.samples_ns.empty()) continue;
        std::vector<double>& of_schedule = samples[trial.schedule.hash()];
        if (of_schedule.empty()) summary.ranking.push_back({trial.schedule, 0, 0, trial.origin});
        of_schedule.insert(of_schedule.end(), trial.outcome.samples_ns.begin(), trial.outcome.samples_ns.end());
        const auto ranked = std::find_if(summary.ranking.begin(), summary.ranking.end(),
                                         [&](const RankedSchedule& r) { return r.schedule == trial.schedule; });
        ++ranked->trials;
    }
    for (RankedSchedule& ranked : summary.ranking) ranked.median_ns = median(samples.at(ranked.schedule.hash()));
    std::stable_sort(summary.ranking.begin(), summary.ranking.end(),
                     [](const RankedSchedule& a, const RankedSchedule& b) { return a.median_ns < b.median_ns; });
    return summary;
}

std::vector<Trial> trials_with_id(const Database& database, const std::string& id) {
    TrialQuery query;
    int64_t number = 0;
    const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), number);
    if (is_schedule_hash(id)) {
        query.schedule_hash = id;
    } else if (error == std::errc{} && end == id.data() + id.size()) {
        query.id = number;
    } else {
        throw bad_input(
            "'" + id + "' is neither a trial's number nor a schedule's id (16 hexadecimal digits or the first of them)",
            "'tilesmith show PROBLEM' lists them");
    }
    std::vector<Trial> trials = database.trials(query);
    if (trials.empty()) {
        throw bad_input("the database '" + database.path() + "' holds no trial '" + id + "'",
                        "'tilesmith show PROBLEM' lists schedules with their ids");
    }
    return trials;
}

}  // namespace tilesmith
