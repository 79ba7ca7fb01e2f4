// `tilesmith selftest`: random problems, each with a random schedule of every template that applies, against the naive
// loops.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <optional>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/print.h"
#include "core/error.h"
#include "schedules/template.h"
#include "tuner/local_runner.h"

namespace tilesmith {

namespace {

struct SelftestOptions {
    uint64_t count = 100;
    uint64_t seed = 1;
    std::vector<std::string> operators;
    std::optional<int> threads;
    std::string target = "host";
    bool json = false;
};

struct Failure {
    std::string what;   // status and reason
    std::string again;  // the command that repeats it
};

struct Tally {
    uint64_t problems = 0;
    uint64_t kernels = 0;
    std::map<std::string, uint64_t> by_template;
    std::vector<Failure> failures;
};

std::string random_epilogue(Rng& rng) {
    std::vector<std::string> names;
    for (const EpilogueInfo& info : epilogue_table()) names.emplace_back(info.name);
    rng.shuffle(names);
    names.resize(rng.below(3));
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? " epilogue=" : ",") + name;
    return text;
}

// A problem that parses: contradicting draws (kernel larger than the padded input) are drawn again.
Problem random_problem(const Operator& op, Rng& rng) {
    constexpr int kMostDraws = 1000;
    for (int draw = 0; draw < kMostDraws; ++draw) {
        const std::string text = op.random(rng);
        try {
            return parse_problem(op.spec.epilogue ? text + random_epilogue(rng) : text);
        } catch (const Error&) {
            continue;
        }
    }
    throw run_failed(fmt::format("no random problem of '{}' could be drawn", op.name));
}

void check_problem(const Problem& problem, uint64_t seed, const Target& target, const Conditions& conditions,
                   const std::string& target_words, Tally& tally) {
    LocalRunnerOptions options;
    options.problem = problem;
    options.target = target;
    options.conditions = conditions;
    options.seed = seed;
    options.timing = {.warmup_ns = 0, .min_sample_ns = 0, .min_samples = 1, .max_samples = 1, .budget_ns = 0};
    LocalRunner runner(std::move(options));
    Rng rng(seed);
    std::vector<Schedule> schedules;
    for (const Template* t : templates_for(problem, target))
        if (const auto schedule = t->space(problem, target, conditions).sample(rng)) schedules.push_back(*schedule);
    runner.submit(schedules);
    for (size_t i = 0; i < schedules.size(); ++i) {
        constexpr double kPatience_s = 300;
        const auto measured = runner.next(kPatience_s);
        if (!measured) throw run_failed(fmt::format("no outcome arrived for '{}'", problem.text()));
        ++tally.kernels;
        ++tally.by_template[measured->schedule.template_id().name];
        if (measured->outcome.ok()) continue;
        tally.failures.push_back(
            {fmt::format("{}: {}", status_name(measured->outcome.status), measured->outcome.reason),
             fmt::format("tilesmith try '{}' --schedule '{}' {}{} --seed {}", problem.text(), measured->schedule.text(),
                         words_for(conditions), target_words, seed)});
    }
    ++tally.problems;
}

void report_json(const Tally& tally) {
    nlohmann::ordered_json failures = nlohmann::ordered_json::array();
    for (const Failure& failure : tally.failures)
        failures.push_back({{"what", failure.what}, {"again", failure.again}});
    print_json({{"problems", tally.problems},
                {"kernels", tally.kernels},
                {"by_template", tally.by_template},
                {"failures", failures}});
}

int selftest(const SelftestOptions& options) {
    const Target target = target_from(options.target);
    const Conditions conditions{threads_from(options.threads)};
    for (const std::string& name : options.operators) operator_named(name);
    Tally tally;
    const bool terminal = isatty(STDERR_FILENO) != 0;
    for (uint64_t i = 0; i < options.count; ++i) {
        Rng rng(options.seed + i);
        const std::string& op = options.operators[i % options.operators.size()];
        const size_t before = tally.failures.size();
        check_problem(random_problem(operator_named(op), rng), options.seed + i, target, conditions,
                      words_for_target(options.target), tally);
        for (size_t f = before; f < tally.failures.size(); ++f)
            std::cerr << tally.failures[f].what << "\n  " << tally.failures[f].again << "\n";
        const bool milestone = (i + 1) % 50 == 0;
        if (terminal || milestone)
            std::cerr << fmt::format("{}{} of {} problems, {} kernels, {} failed{}", terminal ? "\r" : "", i + 1,
                                     options.count, tally.kernels, tally.failures.size(), terminal ? "" : "\n");
    }
    if (terminal) std::cerr << "\n";
    if (options.json) {
        report_json(tally);
    } else {
        std::cout << fmt::format("{} random problems, {} kernels:", tally.problems, tally.kernels);
        for (const auto& [name, count] : tally.by_template) std::cout << fmt::format(" {} {},", name, count);
        std::cout << fmt::format(" {} failed\n", tally.failures.size());
    }
    return tally.failures.empty() ? 0 : static_cast<int>(Error::Kind::negative_answer);
}

std::function<int()> declare(CLI::App& app) {
    auto options = std::make_shared<SelftestOptions>();
    for (const Operator& op : operators()) options->operators.push_back(op.name);
    app.add_option("--count", options->count, "random problems")->check(CLI::PositiveNumber)->capture_default_str();
    app.add_option("--seed", options->seed, "of the first problem; the next has the next seed")->capture_default_str();
    app.add_option("--operators", options->operators, "whose problems, in turn (default: all)")->delimiter(',');
    app.add_option("--threads", options->threads, "threads of the kernels (default: the physical cores)");
    app.add_option("--target", options->target, "what code is generated for")->capture_default_str();
    app.add_flag("--json", options->json, "one JSON document on stdout");
    return [options] { return selftest(*options); };
}

}  // namespace

Command selftest_command() {
    return {"selftest", "checks random kernels against naive loops", "tilesmith selftest --count 100 --seed 1",
            declare};
}

}  // namespace tilesmith
