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

// Small extents, with the awkward ones (1, primes, just above and below a vector or a tile) as likely as the others.
int64_t random_extent(Rng& rng, int64_t most) {
    static const std::vector<int64_t> kAwkward{1,  2,  3,  5,  7,  8,  9,  13, 15, 16, 17,
                                               23, 31, 32, 33, 47, 49, 63, 64, 65, 97};
    const int64_t extent =
        rng.below(2) == 0 ? rng.pick(kAwkward) : 1 + static_cast<int64_t>(rng.below(static_cast<uint64_t>(most)));
    return std::min(extent, most);
}

int64_t random_below(Rng& rng, uint64_t bound) { return static_cast<int64_t>(rng.below(bound)); }

std::string random_epilogue(Rng& rng) {
    std::vector<std::string> names;
    for (const EpilogueInfo& info : epilogue_table()) names.emplace_back(info.name);
    rng.shuffle(names);
    names.resize(rng.below(3));
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? " epilogue=" : ",") + name;
    return text;
}

std::string random_matmul(Rng& rng) {
    return fmt::format("matmul b={} m={} n={} k={} ta={} tb={} weights={}", rng.below(4) == 0 ? 1 + rng.below(4) : 1,
                       random_extent(rng, 160), random_extent(rng, 160), random_extent(rng, 300), rng.below(2),
                       rng.below(2), rng.below(2) == 0 ? "fresh" : "fixed");
}

// Channels of a dense, a grouped or a depthwise convolution.
std::string random_channels(Rng& rng) {
    const int64_t groups = rng.below(2) == 0 ? 1 : random_extent(rng, 40);
    const bool depthwise = groups > 1 && rng.below(2) == 0;
    const int64_t ci = depthwise ? 1 : random_extent(rng, 48);
    const int64_t co = depthwise ? 1 + random_below(rng, 2) * random_below(rng, 3) : random_extent(rng, 48);
    return fmt::format("ci={} co={} groups={}", ci * groups, co * groups, groups);
}

std::string random_axis(Rng& rng, const std::string& axis) {
    return fmt::format(" stride_{0}={1} pad_{0}={2} pad_{0}_end={3} dilation_{0}={4}", axis, 1 + rng.below(3),
                       rng.below(4), rng.below(4), 1 + rng.below(3));
}

std::string random_convolution(Rng& rng, bool two_axes) {
    const std::string weights = rng.below(4) == 0 ? " weights=fresh" : "";
    if (!two_axes)
        return fmt::format("conv1d n={} w={} {} kw={}", 1 + rng.below(2), random_extent(rng, 64), random_channels(rng),
                           1 + rng.below(7)) +
               fmt::format(" stride={} pad={} dilation={}", 1 + rng.below(3), rng.below(4), 1 + rng.below(3)) + weights;
    return fmt::format("conv2d n={} h={} w={} {} kh={} kw={}", 1 + rng.below(2), random_extent(rng, 24),
                       random_extent(rng, 24), random_channels(rng), 1 + rng.below(5), 1 + rng.below(5)) +
           random_axis(rng, "h") + random_axis(rng, "w") + weights;
}

// A problem that parses: contradicting draws (kernel larger than the padded input) are drawn again.
Problem random_problem(const std::string& op, Rng& rng) {
    constexpr int kMostDraws = 1000;
    for (int draw = 0; draw < kMostDraws; ++draw) {
        const std::string text = op == "matmul" ? random_matmul(rng) : random_convolution(rng, op == "conv2d");
        try {
            return parse_problem(text + random_epilogue(rng));
        } catch (const Error&) {
            continue;
        }
    }
    throw run_failed(fmt::format("no random problem of '{}' could be drawn", op));
}

void check_problem(const Problem& problem, uint64_t seed, const Target& target, const Conditions& conditions,
                   Tally& tally) {
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
             fmt::format("tilesmith try '{}' --schedule '{}' --threads {} --seed {}", problem.text(),
                         measured->schedule.text(), conditions.threads, seed)});
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
        check_problem(random_problem(op, rng), options.seed + i, target, conditions, tally);
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
