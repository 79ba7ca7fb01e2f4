// One run of `tilesmith tune`: the problems of a file, one after another, sharing a budget, a database and what was
// learned.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/device.h"
#include "core/problem.h"
#include "core/target.h"
#include "tuner/session.h"
#include "tuning_db/database.h"

namespace tilesmith {

struct RunProblem {
    Problem problem;
    double weight = 1;
    double flops = 1;  // of one call; with the weight, its share of the budget
};

// What the run needs from the layers that know Halide, as arguments so that it is tested without them.
struct RunTools {
    std::function<std::vector<Space>(const Problem&)> spaces;
    std::function<Schedule(const Problem&)> default_schedule;
    std::function<std::vector<float>(const TrialKey&, const Schedule&)> features;  // SearchContext::features
    std::function<std::unique_ptr<Runner>(const Problem&)> runner;
};

struct RunRequest {
    std::vector<RunProblem> problems;  // a problem that occurs twice is tuned once, with the weights added
    Target target;
    Device device;
    Toolchain toolchain;
    Conditions conditions;
    SessionInfo info;  // its search and seed are the run's
    Budget budget;     // of the whole run
    size_t in_flight = 4;
    const std::atomic<int>* interruptions = nullptr;  // SessionRequest::interruptions
};

struct RunEvents {
    // All may be null. `number` counts from 0 of `count` problems; a problem may come twice (budget.h).
    std::function<void(const Problem&, size_t number, size_t count, const Budget&)> begun;
    std::function<void(const Problem&, const SessionProgress&, const Trial* latest)> progress;
    std::function<void(const Problem&, const SessionResult&)> done;
};

struct ProblemResult {
    Problem problem;
    SessionResult session;  // of several sessions: the last, with trials, failures and seconds added up
};

struct RunResult {
    int64_t session = 0;                   // the database's
    StopReason stop = StopReason::trials;  // interrupted if it was, else the last problem's
    std::vector<ProblemResult> problems;   // those that were begun, in order
};

// Every trial is durable in `database` before the next is begun; selections are written at the end of each problem.
// Throws what the runner and the database throw; what was measured stays.
RunResult tune_all(const RunRequest& request, const RunTools& tools, Database& database, const RunEvents& events);

// An entry of the "problems" of `tune --json`: {"problem", "trials", "failed", "seconds", "default_ns", "best_ns",
// "schedule", "stop", "stop_text", "noise_floor"}.
nlohmann::ordered_json to_json(const ProblemResult& result);

}  // namespace tilesmith
