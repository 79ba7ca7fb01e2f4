// `tilesmith tune`: searches schedules for problems and remembers every measurement.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <optional>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/lookup.h"
#include "cli/tune_display.h"
#include "codegen/calibrate.h"
#include "codegen/compiler.h"
#include "codegen/host.h"
#include "core/error.h"
#include "schedules/template.h"
#include "tuner/local_runner.h"
#include "tuner/tuning_run.h"

namespace tilesmith {

namespace {

constexpr double kPeakSeconds = 0.1;
constexpr int kMostInterruptions = 3;

struct TuneOptions {
    std::vector<std::string> words;
    std::string target = "host";
    std::string database = kDefaultDatabase;
    std::optional<long> trials;
    std::optional<std::string> time;
    ConditionWords conditions;
    uint64_t seed = 1;
    std::string search = searches().front().name;
    std::optional<int> jobs;
    bool json = false;
};

std::atomic<int> interruptions{0};
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler counts it");

// The first stops cleanly, the second without a final (one that has begun is held to its end), the third without
// waiting for anything (what was measured is stored).
void count_interruption(int /*signal*/) {
    if (interruptions.fetch_add(1) + 1 >= kMostInterruptions) _exit(kInterruptedStatus);
}

void listen_for_interruptions() {
    struct sigaction action = {};
    action.sa_handler = count_interruption;
    action.sa_flags = SA_RESTART;
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
}

Budget budget_of(const TuneOptions& options) {
    Budget budget;
    if (options.trials) {
        if (*options.trials < 1) {
            throw bad_input(fmt::format("--trials {} is not at least 1", *options.trials),
                            "leave it out to tune until more trials no longer pay");
        }
        budget.trials = static_cast<size_t>(*options.trials);
    }
    if (options.time) budget.seconds = parse_duration(*options.time);
    return budget;
}

int jobs_of(const TuneOptions& options) {
    const int jobs = options.jobs.value_or(host().physical_cores);
    if (jobs < 1)
        throw bad_input(fmt::format("--jobs {} is not at least 1", jobs), "give the processes to compile with");
    return jobs;
}

nlohmann::ordered_json host_state() {
    double load = 0;
    nlohmann::ordered_json state = {{"device", host().device.facts}};
    if (getloadavg(&load, 1) == 1) state["load_average"] = load;
    return state;
}

std::string command_text(const TuneOptions& options) {
    std::string text = "tilesmith tune";
    for (const std::string& word : options.words) text += " " + word;
    return text;
}

RunRequest request_for(const TuneOptions& options) {
    RunRequest request;
    request.budget = budget_of(options);
    request.conditions = conditions_from(options.conditions);
    // Several threads are timed with nothing beside them, so candidates are compiled and timed in turn, a batch each.
    constexpr int kBatch = 16;
    request.in_flight =
        static_cast<size_t>(std::max(2 * jobs_of(options), request.conditions.cores() > 1 ? kBatch : 0));
    request.info = {command_text(options), options.seed, search_named(options.search).name, host_state()};
    for (const WeightedProblem& problem : problems_from(options.words)) {
        require_possible(problem.problem, request.conditions);
        request.problems.push_back({problem.problem, static_cast<double>(problem.weight),
                                    operator_of(problem.problem).flops(problem.problem)});
    }
    request.target = target_from(options.target);
    request.device = device_for(request.target);
    request.toolchain = toolchain();
    request.interruptions = &interruptions;
    return request;
}

RunTools tools_for(const RunRequest& request, int jobs, TuneDisplay& display) {
    RunTools tools;
    tools.spaces = [&request](const Problem& problem) {
        std::vector<Space> spaces;
        for (const Template* t : templates_for(problem, request.target)) {
            spaces.push_back(t->space(problem, request.target, request.conditions));
        }
        return spaces;
    };
    tools.default_schedule = [&request](const Problem& problem) {
        return default_schedule(problem, request.target, request.conditions);
    };
    tools.features = [&request](const TrialKey& key, const Schedule& schedule) {
        return features(parse_problem(key.problem), schedule, request.target, key.conditions);
    };
    tools.runner = [&request, jobs, &display](const Problem& problem) {
        LocalRunnerOptions local;
        local.problem = problem;
        local.target = request.target;
        local.conditions = request.conditions;
        local.seed = request.info.seed;
        local.jobs = jobs;
        local.note = [&display](const std::string& line) { display.note(line); };
        return std::make_unique<LocalRunner>(std::move(local));
    };
    return tools;
}

int exit_status(const RunResult& result) {
    if (result.stop == StopReason::interrupted) return kInterruptedStatus;
    const bool all_work = std::all_of(result.problems.begin(), result.problems.end(),
                                      [](const ProblemResult& p) { return p.session.progress.best_ns > 0; });
    return all_work ? 0 : static_cast<int>(Error::Kind::negative_answer);
}

int run(const TuneOptions& options) {
    const RunRequest request = request_for(options);
    Database database = Database::open(options.database, Database::Mode::append);
    listen_for_interruptions();
    TuneDisplay display(options.json, measure_peak_gflops(kPeakSeconds) * request.conditions.threads);
    display.begin(request);
    const RunEvents events = display.events();
    const RunResult result = tune_all(request, tools_for(request, jobs_of(options), display), database, events);
    display.end(request, result);
    return exit_status(result);
}

std::function<int()> declare(CLI::App& app) {
    auto options = std::make_shared<TuneOptions>();
    add_problem_words(app, options->words);
    app.add_option("--target", options->target, "what code is generated for")->capture_default_str();
    app.add_option("--db", options->database, "the database; made if missing")->capture_default_str();
    app.add_option("--trials", options->trials, "at most so many new trials in all");
    app.add_option("--time", options->time, "at most so long in all (90s, 10m, 2h)");
    add_conditions(app, options->conditions, "threads of the kernels");
    app.add_option("--seed", options->seed, "of everything random")->capture_default_str();
    app.add_option("--search", options->search, "how schedules are looked for")->capture_default_str();
    app.add_option("--jobs", options->jobs, "processes that compile (default: the physical cores)");
    app.add_flag("--json", options->json, "one JSON object a line, as things happen");
    return [options] { return run(*options); };
}

}  // namespace

Command tune_command() {
    return {"tune", "tunes a problem, or all of a file, for this machine",
            "tilesmith tune matmul m=512 n=512 k=512 --time 60s --db tuning.db", declare};
}

}  // namespace tilesmith
