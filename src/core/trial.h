// A trial: what was tried, under which conditions, and what happened. And a selection: the winner with its evidence.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/conditions.h"
#include "core/outcome.h"
#include "core/schedule.h"

namespace tilesmith {

// Everything but the schedule that two trials must share to be comparable.
struct TrialKey {
    std::string problem;  // canonical text
    Conditions conditions;
    std::string device;     // Device::fingerprint
    std::string toolchain;  // Toolchain::text

    friend bool operator==(const TrialKey&, const TrialKey&) = default;
};

struct Trial {
    int64_t id = 0;  // assigned by the database; 0 before
    TrialKey key;
    Schedule schedule;
    Outcome outcome;
    int64_t session = 0;
    // Who proposed it: "default", "random", "exhaustive", "model", "mutation", "crossing", "seed", "final".
    std::string origin;
};

struct Selection {
    TrialKey key;
    Schedule schedule;
    double median_ns = 0;  // of the final re-rank
    Interval interval_ns;
    double default_ns = 0;            // the default schedule in the same re-rank
    nlohmann::ordered_json evidence;  // the re-rank: contenders, ratios, noise floor, host state
    int64_t session = 0;
};

}  // namespace tilesmith
