// What was learned elsewhere: which problems are near a given one, and the schedules that won there.
#pragma once

#include <string>
#include <vector>

#include "core/trial.h"

namespace tilesmith {

// How unlike two problems are, from their canonical texts: the sum of |log2 ratio| of the numbers they share by name,
// plus one for every other word only one of them has. Infinite for different operators.
double problem_distance(const std::string& a, const std::string& b);

// The key in one text, so that trials are told apart by it.
std::string key_text(const TrialKey& key);

// The best schedules of `history`'s trials under other keys than `key`: of the same problem first (other conditions,
// device or toolchain), then of the nearest problems. At most two a key and `most` in all.
std::vector<Schedule> foreign_winners(const std::vector<Trial>& history, const TrialKey& key, size_t most);

// What a session is given of all known trials: every one under `key`, and at most `most_others` of the same operator,
// those of the nearest problems first. Samples are reduced to their median.
std::vector<Trial> relevant_history(const std::vector<Trial>& all, const TrialKey& key, size_t most_others);

}  // namespace tilesmith
