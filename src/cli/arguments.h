// Arguments that several subcommands share: problems, times, threads, targets.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/conditions.h"
#include "core/target.h"
#include "schedules/operator.h"

namespace tilesmith {

inline constexpr const char* kDefaultDatabase = "tuning.db";

// Seconds in "90s", "10m", "2h" (fractions allowed). Throws bad_input: no unit, negative, zero, not a number.
double parse_duration(const std::string& text);

// Declares the positional arguments PROBLEM | FILE.
CLI::Option* add_problem_words(CLI::App& app, std::vector<std::string>& words);

// What the words mean: a word that names a file (it exists, or ends in .txt) is a workload, a word with blanks in it is
// a whole problem, all others together are one problem. Throws bad_input: no words, a bad problem or file, tensors that
// do not fit into this machine's memory.
std::vector<WeightedProblem> problems_from(const std::vector<std::string>& words);
// Exactly one problem.
Problem problem_from(const std::vector<std::string>& words);

// The tensors of `problem` must fit into this machine's memory. Throws bad_input.
void require_fits_memory(const Problem& problem);

// `wish`, or the physical cores. Throws bad_input for fewer than 1 or more than there are cores.
int threads_from(std::optional<int> wish);

// What a time depends on beside the problem, as the user says it.
struct ConditionWords {
    std::optional<int> threads;
    std::string cold;
    std::string objective = "latency";
};

// Declares "--threads" (with `threads_help`), "--cold" and "--objective".
void add_conditions(CLI::App& app, ConditionWords& words, const std::string& threads_help);

// Throws bad_input.
Conditions conditions_from(const ConditionWords& words);

// The words that lead to a target other than the host's, after a blank: " --target x86-64-avx2".
std::string words_for_target(const std::string& target);

// The words that lead to `conditions`: "--threads 2 --objective throughput".
std::string words_for(const Conditions& conditions);

// Throws bad_input where `problem` has no weights that could be cold as `conditions` wants them.
void require_possible(const Problem& problem, const Conditions& conditions);

// resolve_target for code that will run here; the note for an unlisted processor goes to stderr.
Target target_from(const std::string& name);

// Writes nothing; throws bad_input if no database file is there: commands that read never create one.
void require_database(const std::string& path);

}  // namespace tilesmith
