// `tilesmith export`: the kernel library, from the selections of a database.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <optional>
#include <set>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/lookup.h"
#include "cli/print.h"
#include "cli/progress.h"
#include "codegen/host.h"
#include "core/error.h"
#include "export/export.h"

namespace tilesmith {

namespace {

struct ExportOptions {
    std::string database = kDefaultDatabase;
    std::string output;
    std::vector<std::string> problems;
    std::string target = "host";
    ConditionWords conditions;
    std::string name = kDefaultLibraryName;
    bool shared = false;
    bool require_tuned = false;
    bool json = false;
};

// The selections made here, for `target`, by this program.
std::vector<Selection> usable_selections(const Database& database, const Target& target) {
    std::vector<Selection> selections = database.selections();
    const std::string device = device_for(target).fingerprint;
    const std::string made_by = toolchain().text;
    std::erase_if(selections, [&](const Selection& selection) {
        return selection.key.device != device || selection.key.toolchain != made_by;
    });
    return selections;
}

// Whether it was made under the conditions that are asked for.
bool asked_for(const ExportOptions& options, const Selection& selection) {
    const Conditions& conditions = selection.key.conditions;
    const bool cold = conditions.cache == CacheState::cold_weights;
    const bool throughput = conditions.objective == Objective::throughput;
    return cold == !options.conditions.cold.empty() && throughput == (options.conditions.objective == "throughput") &&
           (!options.conditions.threads || conditions.cores() == *options.conditions.threads);
}

// The problems to export: those asked for, else all that have a selection.
std::vector<Problem> wanted_problems(const ExportOptions& options, const std::vector<Selection>& selections) {
    std::vector<Problem> problems;
    if (!options.problems.empty()) {
        for (WeightedProblem& problem : problems_from(options.problems)) problems.push_back(std::move(problem.problem));
        return problems;
    }
    std::set<std::string> seen;
    for (const Selection& selection : selections) {
        if (!asked_for(options, selection)) continue;
        if (seen.insert(selection.key.problem).second) problems.push_back(parse_problem(selection.key.problem));
    }
    if (problems.empty()) {
        throw bad_input(
            "the database '" + options.database + "' holds no selection for this device" +
                (options.conditions.threads ? fmt::format(" with {} threads", *options.conditions.threads) : ""),
            "tune first, or name the problems with --problems to export their default schedules");
    }
    return problems;
}

// `wish`, or the one thread count that the selections of `problems` share.
int thread_count(const ExportOptions& options, const std::vector<Selection>& selections,
                 const std::vector<Problem>& problems) {
    if (options.conditions.threads) return threads_from(options.conditions.threads);
    std::set<int> counts;
    for (const Selection& selection : selections) {
        const bool wanted = std::any_of(problems.begin(), problems.end(), [&](const Problem& problem) {
            return problem.text() == selection.key.problem;
        });
        if (wanted && asked_for(options, selection)) counts.insert(selection.key.conditions.cores());
    }
    if (counts.size() > 1) {
        throw bad_input(fmt::format("the database '{}' holds selections for several thread counts: {}",
                                    options.database, fmt::join(counts, ", ")),
                        "choose one with --threads");
    }
    return counts.empty() ? threads_from(std::nullopt) : *counts.begin();
}

ExportEntry entry_for(const Problem& problem, const Conditions& conditions, const Target& target,
                      const Database& database) {
    const Found found = find_schedule(&database, problem, conditions, target);
    ExportEntry entry{problem, conditions, found.schedule, found.tier, 0, {}};
    if (found.selection) {
        entry.median_ns = found.selection->median_ns;
        entry.interval_ns = found.selection->interval_ns;
    }
    return entry;
}

void require_tuned(const std::vector<ExportEntry>& entries) {
    std::string untuned;
    for (const ExportEntry& entry : entries) {
        if (entry.tier != "exact") untuned += "\n  " + entry.problem.text();
    }
    if (!untuned.empty()) {
        throw negative_answer("these problems have no selection of their own:" + untuned,
                              "tune them, or leave out --require-tuned to export their default schedules");
    }
}

ExportRequest request_for(const ExportOptions& options) {
    require_database(options.database);
    const Target target = target_from(options.target);
    const Database database = Database::open(options.database, Database::Mode::read);
    const std::vector<Selection> selections = usable_selections(database, target);
    const std::vector<Problem> problems = wanted_problems(options, selections);
    ConditionWords words = options.conditions;
    words.threads = thread_count(options, selections, problems);
    const Conditions conditions = conditions_from(words);
    ExportRequest request;
    for (const Problem& problem : problems) {
        request.entries.push_back(entry_for(problem, conditions, target, database));
    }
    if (options.require_tuned) require_tuned(request.entries);
    request.target = target;
    request.device = device_for(target);
    request.toolchain = toolchain();
    request.output = options.output;
    request.name = options.name;
    request.shared = options.shared;
    return request;
}

nlohmann::ordered_json report_json(const ExportReport& report) {
    nlohmann::ordered_json kernels = nlohmann::ordered_json::array();
    for (const ExportedKernel& kernel : report.kernels) {
        kernels.push_back({{"symbol", kernel.symbol},
                           {"problem", kernel.problem},
                           {"tier", kernel.tier},
                           {"code_bytes", kernel.code_bytes}});
    }
    return {{"output", report.output},
            {"files", report.files},
            {"kernels", kernels},
            {"library_bytes", report.library_bytes},
            {"functions_checked", report.functions_checked}};
}

void print_report(const ExportReport& report) {
    std::vector<std::vector<std::string>> rows = {{"kernel", "tier", "code"}};
    for (const ExportedKernel& kernel : report.kernels) {
        rows.push_back({kernel.symbol, kernel.tier, bytes_text(static_cast<double>(kernel.code_bytes))});
    }
    print_table(rows);
    std::cout << fmt::format("{}: {} files, library {}, {} functions called and compared with the reference\n",
                             report.output, report.files.size(), bytes_text(static_cast<double>(report.library_bytes)),
                             report.functions_checked);
}

int run(const ExportOptions& options) {
    ExportRequest request = request_for(options);
    ExportReport report;
    {
        Progress progress;
        request.progress = [&](const std::string& step, size_t done, size_t total) {
            progress.show(fmt::format("{} {}/{}", step, done, total));
        };
        report = export_library(request);
    }
    options.json ? print_json(report_json(report)) : print_report(report);
    return 0;
}

std::function<int()> declare(CLI::App& app) {
    auto options = std::make_shared<ExportOptions>();
    app.add_option("--db", options->database, "the database")->capture_default_str();
    app.add_option("-o,--output", options->output, "the folder to make")->required();
    app.add_option("--problems", options->problems, "a file with the problems (default: all that were tuned here)");
    app.add_option("--target", options->target, "what code is generated for")->capture_default_str();
    add_conditions(app, options->conditions, "those tuned for so many threads");
    app.add_option("--name", options->name, "the library's name")->capture_default_str();
    app.add_flag("--shared", options->shared, "a shared library beside the static one");
    app.add_flag("--require-tuned", options->require_tuned, "fail (exit 1) if a problem was not tuned here");
    app.add_flag("--json", options->json, "one JSON document on stdout");
    return [options] { return run(*options); };
}

}  // namespace

Command export_command() {
    return {"export", "writes the best kernels as a C library", "tilesmith export --db tuning.db -o dist --threads 1",
            declare};
}

}  // namespace tilesmith
