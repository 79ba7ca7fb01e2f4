// `tilesmith bench`: our best kernels and the libraries, timed in turn, as ratios with intervals.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>

#include "cli/arguments.h"
#include "cli/bench_row.h"
#include "cli/command.h"
#include "cli/lookup.h"
#include "cli/print.h"
#include "cli/progress.h"
#include "codegen/host.h"
#include "core/error.h"
#include "peers/peer.h"

namespace tilesmith {

namespace {

struct BenchOptions {
    std::vector<std::string> words;
    std::optional<std::string> database;
    std::vector<std::string> against;
    ConditionWords conditions;
    std::string target = "host";
    std::string time = "3s";
    bool json = false;
};

std::vector<const Peer*> rivals(const std::vector<std::string>& names) {
    std::vector<const Peer*> result;
    if (names.empty()) {
        for (const Peer& peer : peers()) {
            if (peer.by_default && peer.available()) result.push_back(&peer);
        }
        return result;
    }
    for (const std::string& name : names) {
        const Peer& peer = peer_named(name);
        if (!peer.available()) {
            throw bad_input(peer.title + " is not on this machine (" + peer.library + " cannot be opened)",
                            "install it, or leave '" + name + "' out of --against");
        }
        result.push_back(&peer);
    }
    return result;
}

struct Speedup {
    double median = 1;  // of the rounds' ratios; above 1 where ours is faster
    Interval interval;
};

// Over `rival`; null without one.
std::optional<Speedup> speedup_over(const ContenderTime* rival, const BenchRow& row) {
    if (rival == nullptr) return std::nullopt;
    const std::vector<double> ratios = speedups(rival->result, row.ours.result);
    return Speedup{median(ratios), median_interval(ratios)};
}

std::optional<Speedup> speedup_of(const BenchRow& row) { return speedup_over(row.best_peer(), row); }

nlohmann::ordered_json times_json(const ContestResult& result) {
    const Interval interval = median_interval(result.samples_ns);
    return {{"median_ns", median(result.samples_ns)}, {"low_ns", interval.low}, {"high_ns", interval.high}};
}

double gflops(const BenchRow& row) {
    return operator_of(row.problem).flops(row.problem) / median(row.ours.result.samples_ns);
}

nlohmann::ordered_json row_json(const BenchRow& row) {
    nlohmann::ordered_json json = {{"problem", row.problem.text()},
                                   {"threads", row.conditions.cores()},
                                   {"conditions", row.conditions.text()},
                                   {"tier", row.tier}};
    json.update(times_json(row.ours.result));
    json["layout"] = row.ours.layout;
    json["gflops"] = gflops(row);
    json["bytes"] = compulsory_bytes(row.problem);
    json["input_bytes"] = compulsory_bytes(row.problem) -
                          static_cast<double>(operator_of(row.problem).arguments(row.problem).back().bytes());
    json["rounds"] = row.ours.result.samples_ns.size();
    json["peers"] = nlohmann::ordered_json::object();
    for (const ContenderTime& peer : row.peers) {
        json["peers"][peer.name] = times_json(peer.result);
        json["peers"][peer.name]["layout"] = peer.layout;
    }
    json["best_peer"] = nullptr;
    json["speedup_vs_best_peer"] = nullptr;
    if (const auto speedup = speedup_of(row)) {
        json["best_peer"] = row.best_peer()->name;
        json["speedup_vs_best_peer"] = speedup->median;
        json["speedup_low"] = speedup->interval.low;
        json["speedup_high"] = speedup->interval.high;
    }
    if (const auto share = speedup_over(row.yardstick(), row)) {
        json["stream_share"] = share->median;
        json["stream_share_low"] = share->interval.low;
        json["stream_share_high"] = share->interval.high;
    }
    return json;
}

std::optional<double> geometric_mean(const std::vector<BenchRow>& rows) {
    double sum = 0;
    int count = 0;
    for (const BenchRow& row : rows) {
        const auto speedup = speedup_of(row);
        if (!speedup) continue;
        sum += std::log(speedup->median);
        ++count;
    }
    return count == 0 ? std::nullopt : std::optional<double>(std::exp(sum / count));
}

void report_json(const std::vector<BenchRow>& rows, const Target& target, const std::vector<const Peer*>& rivals) {
    const Device device = device_for(target);
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const BenchRow& row : rows) list.push_back(row_json(row));
    nlohmann::ordered_json versions = nlohmann::ordered_json::object();
    for (const Peer* peer : rivals) versions[peer->name] = peer->version();
    const std::optional<double> mean = geometric_mean(rows);
    print_json({{"device",
                 {{"fingerprint", device.fingerprint}, {"description", device.description}, {"facts", device.facts}}},
                {"toolchain", toolchain().text},
                {"target", target.name},
                {"peer_versions", versions},
                {"rows", list},
                {"geomean_speedup_vs_best_peer", mean ? nlohmann::ordered_json(*mean) : nlohmann::ordered_json()}});
}

void report_table(const std::vector<BenchRow>& rows, const std::vector<const Peer*>& rivals) {
    std::vector<std::string> heading = {"problem", "threads", "tier", "median", "GFLOP/s"};
    for (const Peer* peer : rivals) heading.push_back(peer->name);
    heading.emplace_back("against the best");
    std::vector<std::vector<std::string>> table = {heading};
    for (const BenchRow& row : rows) {
        std::vector<std::string> cells = {row.problem.text(), std::to_string(row.conditions.cores()), row.tier,
                                          time_text(median(row.ours.result.samples_ns)), fixed_text(gflops(row), 1)};
        for (const Peer* peer : rivals) {
            const auto found = std::find_if(row.peers.begin(), row.peers.end(),
                                            [&](const ContenderTime& time) { return time.name == peer->name; });
            cells.push_back(found == row.peers.end() ? "-" : time_text(median(found->result.samples_ns)));
        }
        const auto speedup = speedup_of(row);
        cells.push_back(speedup ? fmt::format("{:.2f} x {} [{:.2f}, {:.2f}]", speedup->median, row.best_peer()->name,
                                              speedup->interval.low, speedup->interval.high)
                                : "-");
        table.push_back(cells);
    }
    print_table(table);
    if (const auto mean = geometric_mean(rows)) {
        std::cout << fmt::format("geometric mean against the best library: {:.3f} (above 1: ours is faster)\n", *mean);
    }
}

int run(const BenchOptions& options) {
    const double budget_s = parse_duration(options.time);
    const std::vector<WeightedProblem> problems = problems_from(options.words);
    const std::vector<const Peer*> against = rivals(options.against);
    const Conditions conditions = conditions_from(options.conditions);
    for (const WeightedProblem& problem : problems) require_possible(problem.problem, conditions);
    const Target target = target_from(options.target);
    std::optional<Database> database;
    if (options.database) require_database(*options.database);
    const std::string path = options.database.value_or(kDefaultDatabase);
    if (std::filesystem::exists(path)) database = Database::open(path, Database::Mode::read);

    std::vector<BenchRow> rows;
    rows.reserve(problems.size());
    Progress progress;
    for (const WeightedProblem& problem : problems) {
        progress.show(fmt::format("{}/{} {}", rows.size() + 1, problems.size(), problem.problem.text()));
        rows.push_back(
            time_problem(problem.problem, conditions, target, database ? &*database : nullptr, against, budget_s));
    }
    progress.clear();
    options.json ? report_json(rows, target, against) : report_table(rows, against);
    return 0;
}

std::function<int()> declare(CLI::App& app) {
    auto options = std::make_shared<BenchOptions>();
    add_problem_words(app, options->words)->required();
    app.add_option("--db", options->database, "the database with our selections (default: tuning.db if it is there)");
    app.add_option("--against", options->against,
                   "libraries to compare with, and Halide's schedulers: halide-mullapudi2016, halide-li2018, "
                   "halide-adams2019; 'stream' only reads the inputs, as fast as memory allows (default: the "
                   "libraries found)")
        ->delimiter(',');
    add_conditions(app, options->conditions, "threads of each contender");
    app.add_option("--target", options->target, "what code is generated for")->capture_default_str();
    app.add_option("--time", options->time, "how long to time each problem")->capture_default_str();
    app.add_flag("--json", options->json, "one JSON document on stdout");
    return [options] { return run(*options); };
}

}  // namespace

Command bench_command() {
    return {"bench", "times our best kernels against oneDNN, OpenBLAS and BLIS",
            "tilesmith bench matmul m=512 n=512 k=512 --db tuning.db --against onednn,openblas --threads 1", declare};
}

}  // namespace tilesmith
