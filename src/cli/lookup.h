// Schedules of a problem: the best that is known here and how it was found, and what people name.
#pragma once

#include <optional>
#include <string>

#include "core/device.h"
#include "core/problem.h"
#include "core/target.h"
#include "core/trial.h"
#include "tuning_db/database.h"

namespace tilesmith {

struct Found {
    Schedule schedule;
    std::string tier;                    // "exact": selected for this very key; "default": worked out without measuring
    std::optional<Selection> selection;  // of tier "exact"
};

// What selections and trials made here are filed under. Code for another target than the host's own is another kind of
// machine as far as times go, so its name becomes part of the fingerprint.
Device device_for(const Target& target);
TrialKey key_for(const Problem& problem, const Conditions& conditions, const Target& target);

// `database` may be null. A selection whose schedule this program can no longer build is passed over.
Found find_schedule(const Database* database, const Problem& problem, const Conditions& conditions,
                    const Target& target);

// The schedule that `--schedule TEXT` means: JSON, the id of one that is recorded in the file `database`, or the
// default where it is empty. Legal or not. Throws bad_input.
Schedule schedule_named(const std::string& text, const std::string& database, const Problem& problem,
                        const Target& target, const Conditions& conditions);

}  // namespace tilesmith
