// Which search finds good schedules in fewer trials, on recorded trials: the same recordings, budgets and seeds for
// all.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tuner/replay_runner.h"

namespace tilesmith {

struct ComparisonRequest {
    std::vector<std::string> searches;  // names of the table; the last is what the others are compared with
    std::vector<uint64_t> seeds;
    size_t trials = 40;           // a replay, the default included
    size_t in_flight = 4;         // proposals asked for before the first of them is answered, as in a session
    bool other_problems = false;  // give each replay the other problems' records as history
};

// A quality is (the least time recorded for the problem / the best found after so many trials), at most 1; 0 until a
// schedule works.
struct SearchCurve {
    std::string search;
    std::vector<double> mean_quality;  // [n]: after n + 1 trials, mean over problems and seeds
    // Against the last search, at the last trial: the median over problems of the ratio of mean qualities (over seeds),
    // and its 95% bootstrap interval over problems and seeds. 1, 1, 1 for the last search itself.
    double ratio = 1;
    double ratio_low = 1;
    double ratio_high = 1;
};

std::vector<SearchCurve> compare_searches(const std::vector<Recorded>& records, const ComparisonRequest& request);

nlohmann::ordered_json to_json(const std::vector<SearchCurve>& curves);

}  // namespace tilesmith
