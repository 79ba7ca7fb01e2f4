// `tilesmith show`: the best schedules and how they compare, any trial and why it failed, its loop nest, its machine
// code.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <optional>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/lookup.h"
#include "cli/print.h"
#include "cli/trials.h"
#include "codegen/compiler.h"
#include "codegen/host.h"
#include "codegen/inspect.h"
#include "core/error.h"
#include "core/hash.h"
#include "schedules/template.h"

namespace tilesmith {

namespace {

// Loops with fewer multiply-adds (or, without any, vector operations) than this share of the hottest one's are left out
// of --asm and --mca.
constexpr double kHotShare = 0.5;
constexpr size_t kMostHotLoops = 3;

struct ShowOptions {
    std::vector<std::string> words;
    std::optional<std::string> database;
    std::string target = "host";
    ConditionWords conditions;
    int top = 5;
    std::string why;
    std::string schedule;
    bool loops = false;
    std::string assembly;  // "", "hot" or "all"
    bool mca = false;
    bool json = false;
};

// What --loops, --asm and --mca are about.
struct Subject {
    Problem problem;
    Conditions conditions;
    Schedule schedule;
};

// The loops where the time goes.
std::vector<MachineLoop> hot_loops(const MachineCode& code) {
    const bool multiplies = !code.loops.empty() && code.loops.front().multiply_adds > 0;
    const auto work = [&](const MachineLoop& loop) { return multiplies ? loop.multiply_adds : loop.vector_operations; };
    std::vector<MachineLoop> hot;
    for (const MachineLoop& loop : code.loops) {
        if (hot.size() == kMostHotLoops || work(loop) == 0 || work(loop) < kHotShare * work(code.loops.front())) break;
        hot.push_back(loop);
    }
    return hot;
}

std::string loop_title(const MachineLoop& loop) {
    return fmt::format(
        "{}+0x{:x}: {} of {} instructions: {} vector operations ({} multiply-adds, {} loads, {} stores)\n",
        loop.function, loop.address, loop.repeats ? "innermost loop" : "straight code", loop.instructions,
        loop.vector_operations, loop.multiply_adds, loop.vector_loads, loop.vector_stores);
}

std::string hot_loops_text(const MachineCode& code) {
    std::string text;
    for (const MachineLoop& loop : hot_loops(code)) {
        text += loop_title(loop);
        for (const std::string& line : loop.lines) text += "  " + line + "\n";
    }
    return text.empty() ? "no code on vectors; --asm=all shows everything\n" : text;
}

std::string throughput_text(const MachineCode& code, const std::string& object, const Target& target) {
    std::string text;
    for (const MachineLoop& loop : hot_loops(code)) {
        const LoopThroughput t = throughput_of(object, target.llvm_cpu, loop);
        const bool multiplies = loop.multiply_adds > 0;
        text += loop_title(loop);
        text += fmt::format("  {:.2f} cycles {} by LLVM's model of {}, at least {:.2f} ({}): {:.2f} {} a cycle\n",
                            t.cycles, loop.repeats ? "an iteration" : "each time", target.llvm_cpu, t.limit_cycles,
                            t.limited_by, (multiplies ? loop.multiply_adds : loop.vector_operations) / t.cycles,
                            multiplies ? "multiply-adds" : "vector operations");
    }
    return text.empty() ? "no code on vectors\n" : text;
}

std::string kernel_object(const Subject& subject, const Target& target) {
    const CompileResult compiled =
        compile(subject.problem, subject.schedule, target, subject.conditions, Checks::assertions, "tilesmith_kernel");
    if (!compiled.kernel) throw negative_answer("this schedule does not compile: " + compiled.outcome.reason);
    return compiled.kernel->object;
}

nlohmann::ordered_json selection_json(const Selection& selection) {
    return {{"problem", selection.key.problem},
            {"threads", selection.key.conditions.cores()},
            {"device", selection.key.device},
            {"toolchain", selection.key.toolchain},
            {"median_ns", selection.median_ns},
            {"low_ns", selection.interval_ns.low},
            {"high_ns", selection.interval_ns.high},
            {"default_ns", selection.default_ns},
            {"id", hash_text(selection.schedule.hash())},
            {"schedule", selection.schedule.to_json()},
            {"evidence", selection.evidence}};
}

nlohmann::ordered_json ranked_json(const RankedSchedule& ranked) {
    return {{"id", hash_text(ranked.schedule.hash())},
            {"median_ns", ranked.median_ns},
            {"trials", ranked.trials},
            {"origin", ranked.origin},
            {"schedule", ranked.schedule.to_json()}};
}

// Everything that was selected.
void show_selections(const Database& database, bool json) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    std::vector<std::vector<std::string>> rows = {
        {"problem", "threads", "median", "GFLOP/s", "against default", "id", "here"}};
    for (const Selection& s : database.selections()) {
        list.push_back(selection_json(s));
        const Problem problem = parse_problem(s.key.problem);
        const bool here = s.key.device == host().device.fingerprint && s.key.toolchain == toolchain().text;
        rows.push_back({s.key.problem, std::to_string(s.key.conditions.threads), time_text(s.median_ns),
                        fixed_text(operator_of(problem).flops(problem) / s.median_ns, 1),
                        s.default_ns > 0 ? fixed_text(s.default_ns / s.median_ns, 2) + " x" : "-",
                        hash_text(s.schedule.hash()), here ? "yes" : "another device or version"});
    }
    json ? print_json({{"selections", list}}) : print_table(rows);
}

void print_ranking(const Subject& subject, const Found& found, const TrialSummary& summary, size_t top) {
    std::cout << subject.problem.text() << ", " << subject.conditions.text() << "\n";
    if (found.selection) {
        const Selection& s = *found.selection;
        std::cout << fmt::format("selected (final re-rank): {} [{}, {}], default {}, {}\n", time_text(s.median_ns),
                                 time_text(s.interval_ns.low), time_text(s.interval_ns.high), time_text(s.default_ns),
                                 hash_text(s.schedule.hash()));
    } else {
        std::cout << "nothing is selected here; the default schedule is used: " << found.schedule.text() << "\n";
    }
    if (summary.trials == 0) return;
    std::cout << fmt::format("{} trials", summary.trials);
    for (const auto& [status, count] : summary.failed) std::cout << fmt::format(", {} {}", count, status_name(status));
    std::cout << "\n";
    std::vector<std::vector<std::string>> rows = {{"id", "median", "of the best", "trials", "origin", "schedule"}};
    for (size_t i = 0; i < std::min(summary.ranking.size(), top); ++i) {
        const RankedSchedule& ranked = summary.ranking[i];
        rows.push_back({hash_text(ranked.schedule.hash()), time_text(ranked.median_ns),
                        fixed_text(summary.ranking.front().median_ns / ranked.median_ns, 3),
                        std::to_string(ranked.trials), ranked.origin, ranked.schedule.text()});
    }
    print_table(rows);
}

// The command that does again what a trial did, on the data that it was checked on.
std::string repeat_command(const Trial& trial, const Database& database, const std::string& target) {
    return fmt::format("tilesmith try '{}' --schedule '{}' {}{} --seed {}", trial.key.problem, trial.schedule.text(),
                       words_for(trial.key.conditions), words_for_target(target),
                       database.seed_of_session(trial.session));
}

nlohmann::ordered_json trial_json(const Trial& trial, const std::string& again) {
    const Outcome& outcome = trial.outcome;
    nlohmann::ordered_json json = {{"id", trial.id},
                                   {"schedule_id", hash_text(trial.schedule.hash())},
                                   {"problem", trial.key.problem},
                                   {"conditions", trial.key.conditions.text()},
                                   {"device", trial.key.device},
                                   {"toolchain", trial.key.toolchain},
                                   {"session", trial.session},
                                   {"origin", trial.origin},
                                   {"status", status_name(outcome.status)},
                                   {"reason", outcome.reason},
                                   {"samples_ns", outcome.samples_ns},
                                   {"censored", outcome.censored},
                                   {"compile_ms", outcome.compile_ms},
                                   {"schedule", trial.schedule.to_json()},
                                   {"repeat", again}};
    if (!outcome.samples_ns.empty()) json["median_ns"] = median(outcome.samples_ns);
    return json;
}

void print_trial(const Trial& trial, const std::string& again) {
    const Outcome& outcome = trial.outcome;
    std::cout << fmt::format("trial {} of session {} ({}): {}\n", trial.id, trial.session, trial.origin,
                             status_name(outcome.status));
    std::cout << "  " << trial.key.problem << ", " << trial.key.conditions.text() << "\n  " << trial.schedule.text()
              << "\n";
    if (!outcome.reason.empty()) std::cout << "  reason: " << outcome.reason << "\n";
    if (!outcome.samples_ns.empty()) {
        const Interval interval = median_interval(outcome.samples_ns);
        std::cout << fmt::format("  median {} [{}, {}] of {} samples{}\n", time_text(median(outcome.samples_ns)),
                                 time_text(interval.low), time_text(interval.high), outcome.samples_ns.size(),
                                 outcome.censored ? ", stopped early" : "");
    }
    std::cout << "  again: " << again << "\n";
}

void append_code(const ShowOptions& options, const Subject& subject, const Target& target,
                 nlohmann::ordered_json& json) {
    const auto add = [&](const char* key, const std::string& text) {
        json[key] = text;
        if (!options.json) std::cout << "\n" << text;
    };
    if (options.loops) add("loops", loop_nest_text(subject.problem, subject.schedule, target, subject.conditions));
    if (options.assembly.empty() && !options.mca) return;
    const std::string object = kernel_object(subject, target);
    const MachineCode code = disassemble(object, target.llvm_cpu);
    if (!options.assembly.empty()) add("asm", options.assembly == "all" ? code.text : hot_loops_text(code));
    if (options.mca) add("mca", throughput_text(code, object, target));
}

int show_why(const ShowOptions& options, const Database& database, const Target& target) {
    const std::vector<Trial> trials = trials_with_id(database, options.why);
    nlohmann::ordered_json json = {{"trials", nlohmann::ordered_json::array()}};
    for (const Trial& trial : trials) {
        const std::string again = repeat_command(trial, database, options.target);
        json["trials"].push_back(trial_json(trial, again));
        if (!options.json) print_trial(trial, again);
    }
    const Trial& last = trials.back();
    append_code(options, {parse_problem(last.key.problem), last.key.conditions, last.schedule}, target, json);
    if (options.json) print_json(json);
    return 0;
}

// One schedule of a problem, measured or not.
int show_schedule(const ShowOptions& options, const Target& target) {
    const Problem problem = problem_from(options.words);
    const Conditions conditions = conditions_from(options.conditions);
    const Schedule schedule =
        schedule_named(options.schedule, options.database.value_or(kDefaultDatabase), problem, target, conditions);
    require_legal(problem, schedule, target, conditions);
    if (!options.json) std::cout << subject_text(problem, conditions, schedule);
    nlohmann::ordered_json json = {{"problem", problem.text()},
                                   {"conditions", conditions.text()},
                                   {"schedule_id", hash_text(schedule.hash())},
                                   {"schedule", schedule.to_json()}};
    append_code(options, {problem, conditions, schedule}, target, json);
    if (options.json) print_json(json);
    return 0;
}

int show_problem(const ShowOptions& options, const Database* database, const Target& target) {
    const Problem problem = problem_from(options.words);
    const Conditions conditions = conditions_from(options.conditions);
    const Found found = find_schedule(database, problem, conditions, target);
    const Subject subject{problem, conditions, found.schedule};
    const TrialSummary summary =
        database == nullptr ? TrialSummary{} : summarise(*database, key_for(problem, conditions, target));
    if (!options.json) print_ranking(subject, found, summary, static_cast<size_t>(options.top));
    nlohmann::ordered_json json = {{"problem", problem.text()},
                                   {"threads", conditions.cores()},
                                   {"tier", found.tier},
                                   {"schedule", found.schedule.to_json()}};
    if (found.selection) json["selection"] = selection_json(*found.selection);
    json["trials"] = summary.trials;
    json["failed"] = nlohmann::ordered_json::object();
    for (const auto& [status, count] : summary.failed) json["failed"][std::string(status_name(status))] = count;
    json["top"] = nlohmann::ordered_json::array();
    for (size_t i = 0; i < std::min(summary.ranking.size(), static_cast<size_t>(options.top)); ++i) {
        json["top"].push_back(ranked_json(summary.ranking[i]));
    }
    append_code(options, subject, target, json);
    if (options.json) print_json(json);
    return 0;
}

int run(const ShowOptions& options) {
    if (options.top < 1) throw bad_input("--top " + std::to_string(options.top) + " is not at least 1");
    if (!options.assembly.empty() && options.assembly != "hot" && options.assembly != "all") {
        throw bad_input("--asm=" + options.assembly + " is not known", "write --asm (the hottest loops) or --asm=all");
    }
    const std::string path = options.database.value_or(kDefaultDatabase);
    const bool wants_problem = !options.words.empty() && options.why.empty();
    if (!options.schedule.empty()) {
        if (!wants_problem) throw bad_input("--schedule is about a problem", "name the problem, and leave --why out");
        return show_schedule(options, target_from(options.target));
    }
    // Without a database the default schedule of a problem can still be shown.
    if (options.database || !wants_problem) require_database(path);
    std::optional<Database> database;
    if (std::filesystem::exists(path)) database = Database::open(path, Database::Mode::read);
    if (!options.why.empty()) return show_why(options, *database, target_from(options.target));
    if (wants_problem) return show_problem(options, database ? &*database : nullptr, target_from(options.target));
    show_selections(*database, options.json);
    return 0;
}

std::function<int()> declare(CLI::App& app) {
    auto options = std::make_shared<ShowOptions>();
    add_problem_words(app, options->words);
    app.add_option("--db", options->database, "the database (default: tuning.db)");
    app.add_option("--target", options->target, "what code is generated for")->capture_default_str();
    add_conditions(app, options->conditions, "of the selection");
    app.add_option("--top", options->top, "how many schedules")->capture_default_str();
    app.add_option("--why", options->why, "a trial's number or a schedule's id: what happened to it");
    app.add_option("--schedule", options->schedule, "this one instead, measured or not: JSON or an id, as for 'try'");
    app.add_flag("--loops", options->loops, "the loop nest");
    app.add_flag("--mca", options->mca, "cycles an iteration of the hottest loops by LLVM's model, and their limit");
    app.add_flag("--asm{hot}", options->assembly, "the machine code of the hottest loops; --asm=all for everything");
    app.add_flag("--json", options->json, "one JSON document on stdout");
    return [options] { return run(*options); };
}

}  // namespace

Command show_command() {
    return {"show", "shows the best schedules, any trial, loop nests and machine code",
            "tilesmith show matmul m=512 n=512 k=512 --db tuning.db --top 5 --asm", declare};
}

}  // namespace tilesmith
