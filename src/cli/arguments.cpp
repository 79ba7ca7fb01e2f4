#include "cli/arguments.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <utility>

#include "cli/print.h"
#include "codegen/host.h"
#include "core/error.h"

namespace tilesmith {

namespace {

constexpr double kSecondsPerMinute = 60;
constexpr double kSecondsPerHour = 3600;
// What tuning needs beside the tensors themselves: copies for references, inputs, workers.
constexpr double kUsableMemory = 0.5;

bool names_file(const std::string& word) { return word.ends_with(".txt") || std::filesystem::is_regular_file(word); }

}  // namespace

double parse_duration(const std::string& text) {
    double value = 0;
    const char* begin = text.data();
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(begin, end, value);
    const std::string unit(rest, end);
    const double factor = unit == "s" ? 1 : unit == "m" ? kSecondsPerMinute : unit == "h" ? kSecondsPerHour : 0;
    if (error != std::errc{} || factor == 0 || !std::isfinite(value)) {
        throw bad_input("'" + text + "' is not a time", "write a number with a unit: 90s, 10m, 2h");
    }
    if (value <= 0) throw bad_input("the time '" + text + "' is not positive", "write for example 90s, 10m or 2h");
    return value * factor;
}

CLI::Option* add_problem_words(CLI::App& app, std::vector<std::string>& words) {
    return app.add_option("problem", words, "a problem in words (matmul m=512 n=512 k=512) or files with one a line")
        ->type_name("PROBLEM|FILE");
}

void require_fits_memory(const Problem& problem) {
    double bytes = 0;
    for (const Argument& argument : operator_of(problem).arguments(problem))
        bytes += static_cast<double>(argument.bytes());
    const auto memory = static_cast<double>(usable_memory_bytes());
    if (memory > 0 && bytes > kUsableMemory * memory) {
        throw bad_input("the tensors of '" + problem.text() + "' take " + bytes_text(bytes) + ", and " +
                            bytes_text(memory) + " of memory may be used here",
                        "use smaller extents, or a machine (or a limit) of more than twice the tensors' size");
    }
}

std::vector<WeightedProblem> problems_from(const std::vector<std::string>& words) {
    if (words.empty()) {
        throw bad_input("no problem is given",
                        "for example: matmul m=512 n=512 k=512, or a file with one problem a line");
    }
    std::vector<WeightedProblem> problems;
    std::string joined;
    for (const std::string& word : words) {
        if (names_file(word)) {
            for (WeightedProblem& problem : read_workload(word)) problems.push_back(std::move(problem));
        } else if (word.find(' ') != std::string::npos) {
            problems.push_back({parse_problem(word), 1});
        } else {
            joined += (joined.empty() ? "" : " ") + word;
        }
    }
    if (!joined.empty()) problems.push_back({parse_problem(joined), 1});
    std::vector<WeightedProblem> distinct;
    for (const WeightedProblem& problem : problems) {
        const auto same = std::find_if(distinct.begin(), distinct.end(),
                                       [&](const WeightedProblem& other) { return other.problem == problem.problem; });
        if (same == distinct.end()) {
            require_fits_memory(problem.problem);
            distinct.push_back(problem);
        } else {
            same->weight += problem.weight;
        }
    }
    if (distinct.empty()) throw bad_input("'" + words.front() + "' holds no problem", "write one problem a line");
    return distinct;
}

Problem problem_from(const std::vector<std::string>& words) {
    const std::vector<WeightedProblem> problems = problems_from(words);
    if (problems.size() != 1) {
        throw bad_input("this command takes one problem, and " + std::to_string(problems.size()) + " are given");
    }
    return problems.front().problem;
}

int threads_from(std::optional<int> wish) {
    const int cores = host().physical_cores;
    const int threads = wish.value_or(cores);
    if (threads < 1 || threads > cores) {
        throw bad_input(
            "--threads " + std::to_string(threads) + " is not possible here",
            "this machine has " + std::to_string(cores) + " physical cores: give 1 to " + std::to_string(cores));
    }
    return threads;
}

void add_conditions(CLI::App& app, ConditionWords& words, const std::string& threads_help) {
    app.add_option("--threads", words.threads, threads_help + " (default: the physical cores)");
    app.add_option("--cold", words.cold, "'weights': calls find their weights out of the caches, as in a network");
    app.add_option("--objective", words.objective,
                   "latency: a call uses all threads; throughput: as many calls at once, of one thread each")
        ->capture_default_str();
}

Conditions conditions_from(const ConditionWords& words) {
    if (!words.cold.empty() && words.cold != "weights")
        throw bad_input("--cold " + words.cold + " is unknown", "what can be cold is 'weights'");
    Conditions conditions{threads_from(words.threads)};
    if (!words.cold.empty()) conditions.cache = CacheState::cold_weights;
    if (words.objective == "latency") return conditions;
    if (words.objective != "throughput")
        throw bad_input("--objective " + words.objective + " is unknown", "objectives are latency and throughput");
    if (!words.cold.empty())
        throw bad_input("--cold and --objective throughput together are not measured", "leave one of them out");
    conditions.objective = Objective::throughput;
    conditions.copies = std::exchange(conditions.threads, 1);
    return conditions;
}

std::string words_for_target(const std::string& target) { return target == "host" ? "" : " --target " + target; }

std::string words_for(const Conditions& conditions) {
    std::string words = "--threads " + std::to_string(conditions.cores());
    if (conditions.cache == CacheState::cold_weights) words += " --cold weights";
    if (conditions.objective == Objective::throughput) words += " --objective throughput";
    return words;
}

void require_possible(const Problem& problem, const Conditions& conditions) {
    if (conditions.cache == CacheState::warm) return;
    const std::vector<Argument> arguments = operator_of(problem).arguments(problem);
    if (std::none_of(arguments.begin(), arguments.end(), [](const Argument& a) { return a.role == Role::weight; }))
        throw bad_input("'" + problem.text() + "' has no weights that could be cold", "leave out --cold");
}

Target target_from(const std::string& name) {
    std::string note;
    Target target = resolve_target(name, /*must_run=*/true, &note);
    if (!note.empty()) std::cerr << "tilesmith: note: " << note << "\n";
    return target;
}

void require_database(const std::string& path) {
    if (!std::filesystem::exists(path)) {
        throw bad_input("there is no database '" + path + "'", "'tilesmith tune PROBLEM --db " + path + "' makes one");
    }
}

}  // namespace tilesmith
