// `tilesmith replay`: searches compared on recorded trials, without timing anything.
#include <fmt/format.h>

#include <fstream>
#include <memory>
#include <optional>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/print.h"
#include "codegen/compiler.h"
#include "codegen/host.h"
#include "core/error.h"
#include "tuner/compare_searches.h"
#include "tuner/replay_runner.h"
#include "tuning_db/database.h"

namespace tilesmith {

namespace {

struct ReplayOptions {
    std::string records;
    std::optional<std::string> database;
    std::string write;
    std::vector<std::string> searches = {"model", "evolutionary", "random"};
    size_t trials = 40;
    uint64_t seeds = 10;
    bool json = false;
};

// The first trial of each schedule of every problem, measured here with today's toolchain, with its features.
std::vector<Recorded> records_of(const Database& database, const Target& target) {
    TrialQuery query;
    query.device = host().device.fingerprint;
    query.toolchain = toolchain().text;
    std::vector<Recorded> records;
    for (const Trial& trial : database.trials(query)) {
        Recorded record{trial.key, trial.schedule, trial.origin, {}, trial.outcome.status, 0};
        if (trial.outcome.ok()) record.median_ns = median(trial.outcome.samples_ns);
        record.features = features(parse_problem(trial.key.problem), trial.schedule, target, trial.key.conditions);
        records.push_back(std::move(record));
    }
    return records;
}

std::vector<Recorded> load_records(const ReplayOptions& options) {
    if (options.records.empty()) {
        const std::string path = options.database.value_or(kDefaultDatabase);
        return records_of(Database::open(path, Database::Mode::read), target_from("host"));
    }
    std::ifstream file(options.records);
    if (!file) throw bad_input(fmt::format("cannot read the recorded trials '{}'", options.records));
    return read_records(file, options.records);
}

void write_records(const std::vector<Recorded>& records, const std::string& path) {
    std::ofstream file(path);
    for (const Recorded& record : records) write_record(file, record);
    if (!file.flush()) throw run_failed(fmt::format("cannot write the recorded trials to '{}'", path));
}

int replay(const ReplayOptions& options) {
    const std::vector<Recorded> records = load_records(options);
    if (records.empty())
        throw bad_input("there are no trials to replay",
                        "record some: `tilesmith tune FILE --search random --trials N`");
    if (!options.write.empty()) write_records(records, options.write);

    ComparisonRequest request;
    request.searches = options.searches;
    for (uint64_t seed = 1; seed <= options.seeds; ++seed) request.seeds.push_back(seed);
    request.trials = options.trials;
    const std::vector<SearchCurve> curves = compare_searches(records, request);
    if (options.json) {
        print_json({{"problems", records_by_key(records).size()},
                    {"records", records.size()},
                    {"trials", options.trials},
                    {"seeds", options.seeds},
                    {"searches", to_json(curves)}});
        return 0;
    }
    fmt::print("{} recorded trials of {} problems; {} seeds; quality: least time recorded / best time found\n",
               records.size(), records_by_key(records).size(), options.seeds);
    std::vector<std::vector<std::string>> rows = {{"search", fmt::format("quality after {}", options.trials),
                                                   "against " + options.searches.back(), "95% interval"}};
    for (const SearchCurve& curve : curves)
        rows.push_back({curve.search, fixed_text(curve.mean_quality.back(), 3), fixed_text(curve.ratio, 3),
                        fixed_text(curve.ratio_low, 3) + " to " + fixed_text(curve.ratio_high, 3)});
    print_table(rows);
    return 0;
}

std::function<int()> declare(CLI::App& app) {
    auto options = std::make_shared<ReplayOptions>();
    app.add_option("RECORDS", options->records, "recorded trials (JSON lines); without it those of --db are taken");
    app.add_option("--db", options->database, "the database whose trials are replayed (default tuning.db)");
    app.add_option("--write", options->write, "also writes the trials, with their features, to this file");
    app.add_option("--searches", options->searches, "the searches; the last is what the others are compared with")
        ->delimiter(',')
        ->capture_default_str();
    app.add_option("--trials", options->trials, "trials of each replay")
        ->check(CLI::Range(2, 100000))
        ->capture_default_str();
    app.add_option("--seeds", options->seeds, "replays of each problem and search")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
    app.add_flag("--json", options->json, "one JSON document on stdout");
    return [options] { return replay(*options); };
}

}  // namespace

Command replay_command() {
    return {"replay", "compares searches on recorded trials", "tilesmith replay --db tuning.db --trials 40", declare};
}

}  // namespace tilesmith
