// One tuning session of one problem under one set of conditions: keeps the runner busy with what the search proposes,
// hands every outcome on as it happens, knows when to stop, and ends with the re-rank that makes the selection.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/trial.h"
#include "tuner/runner.h"
#include "tuner/search.h"

namespace tilesmith {

// Neither given: the session stops when more trials no longer pay (StopReason::converged).
struct Budget {
    std::optional<size_t> trials;   // new ones, the default included, the final re-rank not
    std::optional<double> seconds;  // all in all, the final re-rank included
};

enum class StopReason {
    trials,       // the budget's trials are done
    time,         // the budget's seconds are over
    exhausted,    // the search has no more schedules, or only failures came in a row
    converged,    // more trials no longer pay
    interrupted,  // the user asked to stop
};
std::string_view stop_reason_name(StopReason reason);

struct SessionRequest {
    SearchContext context;
    std::string search = "model";
    Budget budget;
    int64_t session = 0;                // Trial::session
    size_t in_flight = 4;               // candidates the runner holds at a time: enough that no child waits
    std::optional<Schedule> incumbent;  // the present selection's: takes part in the final
    // How often the user asked to stop. Once: what has begun is finished and a short final held. Twice: neither; but a
    // final that has begun is held to its end.
    const std::atomic<int>* interruptions = nullptr;
    std::function<double()> clock_s;  // seconds since any fixed moment; null: the steady clock
};

struct SessionProgress {
    size_t trials = 0;  // done, the default included
    std::map<Status, size_t> failed;
    double default_ns = 0;  // screening medians; 0: not known (yet)
    double best_ns = 0;
    Schedule best;
    double elapsed_s = 0;
    std::optional<double> left_s;  // an estimate where only trials are bounded; null where neither is
    bool in_final = false;
};

struct SessionEvents {
    // Stores the trial and returns its id. Called for every outcome before anything else is done with it.
    std::function<int64_t(const Trial&)> record;
    // After each recorded trial and when the final begins. May be null.
    std::function<void(const SessionProgress&, const Trial* latest)> progress;
};

struct SessionResult {
    StopReason stop = StopReason::trials;
    std::string stop_text;  // for people: why it stopped, with the histogram of failures where they are the reason
    SessionProgress progress;
    double noise_floor = 0;              // of the final's A/A pair
    std::optional<Selection> selection;  // null if no schedule worked, or stopped before any was timed in a final
};

// When it stops without a budget: at least kLeastTrials were done, and the last improvement of more than 1% is
// max(kLeastPatience, half of all trials) trials ago.
constexpr size_t kLeastTrials = 128;
constexpr size_t kLeastPatience = 64;
// Failures in a row after which the rest of the space is not believed in.
constexpr size_t kMostFailuresInARow = 100;
constexpr size_t kContenders = 12;  // of the final, the default and the incumbent not counted

// Throws what the runner and `events` throw; everything recorded until then stays.
SessionResult run_session(SessionRequest request, Runner& runner, const SessionEvents& events);

}  // namespace tilesmith
