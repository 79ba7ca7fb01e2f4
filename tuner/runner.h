// The side that asks for measurements. A session tunes one problem under one set of conditions through it; the local
// runner owns child processes, the replay runner answers from recorded trials.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "core/outcome.h"
#include "core/schedule.h"

namespace tilesmith {

struct Measured {
    Schedule schedule;
    Outcome outcome;
};

// One contender of a re-rank: its samples were taken in turn with those of the others.
struct Contender {
    Schedule schedule;
    Outcome outcome;  // samples_ns in the order of the rounds: sample i of all contenders belongs to round i
};

// After this a runner gives up on a stage of a candidate: the reference, checking, waiting for another tuner, timing.
constexpr double kLongestStageS = 3600;

class Runner {
  public:
    Runner() = default;
    Runner(const Runner&) = delete;
    Runner& operator=(const Runner&) = delete;
    virtual ~Runner() = default;

    // Begins compiling, checking and timing `schedules`. Returns at once.
    virtual void submit(const std::vector<Schedule>& schedules) = 0;

    // The next finished one, in any order; waits for it at most `timeout_s`. Null when nothing is in flight or time is
    // up.
    virtual std::optional<Measured> next(double timeout_s) = 0;

    [[nodiscard]] virtual size_t in_flight() const = 0;

    // Gives up what was submitted and has not begun.
    virtual void cancel() = 0;

    // Timing stops early (Outcome::censored) for candidates clearly slower than twice this. 0: never.
    virtual void set_best_ns(double best_ns) = 0;

    // Compiles all with assertions, checks them on fresh random values, then times them in interleaved rounds on a
    // quiet machine for about `budget_s`. A contender that fails its check has a failed outcome. Nothing may be in
    // flight.
    virtual std::vector<Contender> rerank(const std::vector<Schedule>& contenders, double budget_s) = 0;
};

}  // namespace tilesmith
