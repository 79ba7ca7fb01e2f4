// Timing contenders against each other: in turn, round by round, so that a drift of the machine touches all alike and
// ratios within a round mean something.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/outcome.h"

namespace tilesmith {

struct TimedContender {
    std::string name;
    // Times `calls` calls after one that is not timed; nanoseconds a call.
    std::function<double(int calls)> sample;
    // What must not overlap with the others' samples (spinning threads of a pool) dies down within this many
    // milliseconds.
    int settle_ms = 0;
    // Samples taken in a row before the turn passes on.
    int samples_in_a_row = 1;
};

struct ContestResult {
    std::string name;
    std::vector<double> samples_ns;  // one a round: the median of the samples taken in a row
};

// Rounds over all contenders for about `budget_s` seconds, at least `kLeastRounds`, first one and then another to
// begin.
inline constexpr int kLeastRounds = 10;
std::vector<ContestResult> hold_contest(const std::vector<TimedContender>& contenders, double budget_s);

// Times `calls` calls of `run` after one that is not timed; nanoseconds a call.
double time_calls(const std::function<void()>& run, int calls);

// Ratios of two contenders round by round: above 1 where `ours` is faster.
std::vector<double> speedups(const ContestResult& rival, const ContestResult& ours);

}  // namespace tilesmith
