// `tilesmith try`: compiles, checks and times one schedule in child processes, as tuning does. The command that
// failures print to repeat themselves.
#include <fmt/format.h>

#include <iostream>
#include <memory>
#include <optional>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/lookup.h"
#include "cli/print.h"
#include "codegen/host.h"
#include "core/error.h"
#include "core/hash.h"
#include "schedules/template.h"
#include "tuner/local_runner.h"

namespace tilesmith {

namespace {

struct TryOptions {
    std::vector<std::string> words;
    std::string schedule;
    std::string database = kDefaultDatabase;
    std::string target = "host";
    ConditionWords conditions;
    uint64_t seed = 1;
    bool json = false;
};

Outcome measure(const Problem& problem, const Schedule& schedule, const Target& target, const Conditions& conditions,
                uint64_t seed) {
    constexpr double kPatience_s = 600;
    const auto runner = make_local_runner(problem, target, conditions, seed, /*jobs=*/1);
    runner->submit({schedule});
    const std::optional<Measured> measured = runner->next(kPatience_s);
    if (!measured)
        throw run_failed("no outcome arrived within ten minutes", "look for what else this machine is doing");
    return measured->outcome;
}

nlohmann::ordered_json outcome_json(const Problem& problem, const Conditions& conditions, const Schedule& schedule,
                                    const Outcome& outcome) {
    nlohmann::ordered_json json = {{"problem", problem.text()},
                                   {"threads", conditions.cores()},
                                   {"schedule_id", hash_text(schedule.hash())},
                                   {"schedule", schedule.to_json()},
                                   {"status", status_name(outcome.status)},
                                   {"reason", outcome.reason},
                                   {"compile_ms", outcome.compile_ms},
                                   {"samples_ns", outcome.samples_ns}};
    if (outcome.samples_ns.empty()) return json;
    const double ns = median(outcome.samples_ns);
    const Interval interval = median_interval(outcome.samples_ns);
    json["median_ns"] = ns;
    json["low_ns"] = interval.low;
    json["high_ns"] = interval.high;
    json["gflops"] = operator_of(problem).flops(problem) / ns;
    return json;
}

void print_outcome(const Problem& problem, const Conditions& conditions, const Schedule& schedule,
                   const Outcome& outcome) {
    std::cout << subject_text(problem, conditions, schedule);
    if (!outcome.ok()) return;
    const double ns = median(outcome.samples_ns);
    const Interval interval = median_interval(outcome.samples_ns);
    std::cout << fmt::format("correct; median {} [{}, {}] of {} samples, {:.1f} GFLOP/s, compiled in {:.0f} ms\n",
                             time_text(ns), time_text(interval.low), time_text(interval.high),
                             outcome.samples_ns.size(), operator_of(problem).flops(problem) / ns, outcome.compile_ms);
}

int run(const TryOptions& options) {
    const Problem problem = problem_from(options.words);
    const Conditions conditions = conditions_from(options.conditions);
    require_possible(problem, conditions);
    const Target target = target_from(options.target);
    const Schedule schedule = schedule_named(options.schedule, options.database, problem, target, conditions);
    require_legal(problem, schedule, target, conditions);
    const Outcome outcome = measure(problem, schedule, target, conditions, options.seed);
    if (options.json) {
        print_json(outcome_json(problem, conditions, schedule, outcome));
    } else {
        print_outcome(problem, conditions, schedule, outcome);
    }
    if (outcome.ok()) return 0;
    throw negative_answer(
        fmt::format("{}: {}", status_name(outcome.status), outcome.reason),
        fmt::format("again: tilesmith try '{}' --schedule '{}' {}{} --seed {}", problem.text(), schedule.text(),
                    words_for(conditions), words_for_target(options.target), options.seed));
}

std::function<int()> declare(CLI::App& app) {
    auto options = std::make_shared<TryOptions>();
    add_problem_words(app, options->words);
    app.add_option("--schedule", options->schedule,
                   "JSON, or the id of a recorded one (default: the default schedule)");
    app.add_option("--db", options->database, "the database that ids refer to")->capture_default_str();
    app.add_option("--target", options->target, "what code is generated for")->capture_default_str();
    add_conditions(app, options->conditions, "threads of the kernel");
    app.add_option("--seed", options->seed, "of the data it is checked on")->capture_default_str();
    app.add_flag("--json", options->json, "one JSON document on stdout");
    return [options] { return run(*options); };
}

}  // namespace

Command try_command() {
    return {"try", "compiles, checks and times one schedule", "tilesmith try matmul m=512 n=512 k=512 --threads 1",
            declare};
}

}  // namespace tilesmith
