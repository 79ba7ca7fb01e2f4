// The decision: which of the contenders of a re-rank becomes the selection, and the evidence for it. Screening times
// only say who takes part.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "core/trial.h"
#include "tuner/runner.h"

namespace tilesmith {

// contenders[0] and [1] are the default schedule, timed as if it were two: that pair's ratio is the noise floor.
constexpr size_t kDefaults = 2;

struct Verdict {
    size_t winner = 0;       // index into the contenders
    double noise_floor = 0;  // |median ratio of the two defaults - 1|
    nlohmann::ordered_json evidence;
};

// The rules, where a ratio is the median over the rounds of (a contender's time / the mean of the two defaults' times
// in the same round) and its interval is median_interval():
// 1. A contender beats the default if its ratio's whole interval lies below 1 and the ratio below 1 - noise floor.
// 2. The one with the least ratio among those wins; contenders left out after the first rounds cannot. Contenders that
//    are equal within noise are decided by the same rule: the final's samples are many, interleaved and independent of
//    how the contenders were found, screening times are none of that.
// 3. If none beats it, the default wins. If the default itself failed, the least median wins.
// `screening_ns` is the cost that brought each contender here (0: none), for the evidence. Null if no contender worked.
std::optional<Verdict> decide(const std::vector<Contender>& contenders, const std::vector<double>& screening_ns);

// The selection of `verdict`'s winner. Its key and session are left to the caller.
Selection selection_of(const std::vector<Contender>& contenders, const Verdict& verdict);

}  // namespace tilesmith
