// Questions about recorded trials that several subcommands ask.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/trial.h"
#include "tuning_db/database.h"

namespace tilesmith {

struct RankedSchedule {
    Schedule schedule;
    double median_ns = 0;  // of all samples of its trials that worked
    size_t trials = 0;
    std::string origin;  // of its first trial
};

struct TrialSummary {
    size_t trials = 0;
    std::map<Status, size_t> failed;
    std::vector<RankedSchedule> ranking;  // the fastest first
};

TrialSummary summarise(const Database& database, const TrialKey& key);

// The trials that people mean by `id`: the trial of that number, or all of the schedule whose id (16 hexadecimal
// digits, or the first of them) it is. Never empty: throws bad_input if there is none.
std::vector<Trial> trials_with_id(const Database& database, const std::string& id);

}  // namespace tilesmith
