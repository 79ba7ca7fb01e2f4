// The main job end to end with the built program: tune, show, try, export, bench on problems that take milliseconds.
#include <SQLiteCpp/SQLiteCpp.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>

#include "program.h"

using tilesmith::test::Folder;
using tilesmith::test::ProgramRun;
using tilesmith::test::run_and_interrupt;
using tilesmith::test::run_program;
using tilesmith::test::run_program_after;

namespace {

const std::string kProblem = "matmul m=33 n=17 k=29";
const std::string kText = "matmul m=33 n=17 k=29 dtype=f32";

nlohmann::json tune(const Folder& folder, const std::string& trials, const std::string& threads = "1") {
    const ProgramRun run = run_program(folder, {"tune", kProblem, "--db", "t.db", "--trials", trials, "--threads",
                                                threads, "--json", "--search", "random"});
    INFO(run.err);
    REQUIRE(run.status == 0);
    return run.json_lines().back();
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("tune --json prints one object a line and ends with what was found", "[cli]") {
    const Folder folder;
    const ProgramRun run = run_program(folder, {"tune", "matmul", "m=33", "n=17", "k=29", "--db", "t.db", "--trials",
                                                "4", "--threads", "1", "--json"});
    INFO(run.err);
    REQUIRE(run.status == 0);
    CHECK_FALSE(run.has_control_characters());
    const std::vector<nlohmann::json> events = run.json_lines();
    CHECK(events.front().at("event") == "begin");
    size_t trials = 0;
    for (const auto& event : events) trials += event.at("event") == "trial" ? 1 : 0;
    const nlohmann::json& done = events.back();
    CHECK(done.at("event") == "done");
    REQUIRE(done.at("problems").size() == 1);
    const nlohmann::json& problem = done.at("problems")[0];
    CHECK(problem.at("problem") == kText);
    CHECK(problem.at("trials") == 4);
    CHECK(trials >= 4);
    CHECK(problem.at("failed").is_object());
    CHECK(problem.at("seconds").get<double>() > 0);
    CHECK(problem.at("default_ns").get<double>() > 0);
    CHECK(problem.at("best_ns").get<double>() > 0);
    CHECK(problem.at("schedule").contains("template"));
}

TEST_CASE("tune prints a table without control characters when piped", "[cli]") {
    const Folder folder;
    const ProgramRun run = run_program(folder, {"tune", kProblem, "--db", "t.db", "--trials", "2", "--threads", "1"});
    INFO(run.err);
    CHECK(run.status == 0);
    CHECK_FALSE(run.has_control_characters());
    CHECK(contains(run.out, kText));
    CHECK(contains(run.err, "stopped: "));
}

TEST_CASE("a second tune goes on where the first stopped", "[cli]") {
    const Folder folder;
    tune(folder, "4");
    const ProgramRun before = run_program(folder, {"db", "stats", "--db", "t.db", "--json"});
    tune(folder, "4");
    const ProgramRun after = run_program(folder, {"db", "stats", "--db", "t.db", "--json"});
    CHECK(after.json().at("trials").get<int>() > before.json().at("trials").get<int>());
    CHECK(after.json().at("sessions") == 2);
    CHECK(run_program(folder, {"db", "verify", "--db", "t.db"}).status == 0);
}

TEST_CASE("what is tuned with cold weights is kept apart, timed and exported as such", "[cli]") {
    const Folder folder;
    tune(folder, "2");
    const ProgramRun cold =
        run_program(folder, {"tune", kProblem, "--db", "t.db", "--trials", "2", "--threads", "1", "--cold", "weights"});
    INFO(cold.err);
    REQUIRE(cold.status == 0);
    const auto trials = [&](std::vector<std::string> words) {
        words.insert(words.begin(), {"show", kProblem, "--db", "t.db", "--threads", "1", "--json"});
        return run_program(folder, words).json().at("trials").get<int>();
    };
    CHECK(trials({"--cold", "weights"}) > 0);
    CHECK(trials({}) > 0);
    const ProgramRun bench = run_program(
        folder, {"bench", kProblem, "--db", "t.db", "--threads", "1", "--time", "0.1s", "--cold", "weights", "--json"});
    INFO(bench.err);
    REQUIRE(bench.status == 0);
    CHECK(bench.json().at("rows").at(0).at("conditions") == "threads=1 cache=cold_weights");
    CHECK(bench.json().at("rows").at(0).at("tier") == "exact");
    const ProgramRun exported =
        run_program(folder, {"export", "--db", "t.db", "-o", "dist", "--cold", "weights", "--require-tuned"});
    INFO(exported.err);
    CHECK(exported.status == 0);
}

TEST_CASE("what is tuned for throughput is kept apart, and timed in copies", "[cli]") {
    const Folder folder;
    const std::vector<std::string> conditions{"--threads", "2", "--objective", "throughput"};
    const auto with_conditions = [&](std::vector<std::string> words) {
        words.insert(words.end(), conditions.begin(), conditions.end());
        return run_program(folder, words);
    };
    if (with_conditions({"show", kProblem}).status == 2) return;  // fewer than two cores
    const ProgramRun tuned = with_conditions({"tune", kProblem, "--db", "t.db", "--trials", "2"});
    INFO(tuned.err);
    REQUIRE(tuned.status == 0);
    const ProgramRun bench = with_conditions({"bench", kProblem, "--db", "t.db", "--time", "0.1s", "--json"});
    INFO(bench.err);
    REQUIRE(bench.status == 0);
    CHECK(bench.json().at("rows").at(0).at("conditions") == "threads=1 objective=throughput copies=2");
    CHECK(bench.json().at("rows").at(0).at("tier") == "exact");
    CHECK(run_program(folder, {"show", kProblem, "--db", "t.db", "--threads", "2", "--json"}).json().at("trials") == 0);
}

TEST_CASE("a database of a newer version is an error of the run and left alone", "[cli]") {
    const Folder folder;
    tune(folder, "1");
    std::string content = folder.read("t.db");
    content.replace(60, 4, std::string("\0\0\x7f\x7f", 4));  // SQLite's user_version, big-endian
    folder.write("newer.db", content);
    for (const std::vector<std::string>& arguments :
         std::vector<std::vector<std::string>>{{"db", "stats", "--db", "newer.db"},
                                               {"tune", kProblem, "--trials", "1", "--db", "newer.db"},
                                               {"export", "--db", "newer.db", "-o", "dist"}}) {
        const ProgramRun run = run_program(folder, arguments);
        INFO(run.err);
        CHECK(run.status == 3);
        CHECK(contains(run.err, "newer"));
        CHECK(folder.read("newer.db") == content);
    }
}

TEST_CASE("a full disk ends a tune with an error, and what was measured stays readable", "[cli]") {
    const Folder folder;
    // Files of at most 300 KiB; a write beyond fails, as on a full disk.
    const ProgramRun run =
        run_program_after(folder, "trap '' XFSZ; ulimit -f 600",
                          {"tune", kProblem, "--db", "t.db", "--trials", "2000", "--search", "random"});
    INFO(run.err);
    CHECK(run.status == 3);
    CHECK(contains(run.err, "t.db"));
    CHECK(contains(run.err, "disk"));
    const ProgramRun stats = run_program(folder, {"db", "stats", "--db", "t.db", "--json"});
    CHECK(stats.json().at("trials").get<int>() > 0);
    CHECK(run_program(folder, {"db", "verify", "--db", "t.db"}).status == 0);
}

TEST_CASE("a database that stays locked is an error that names the process", "[cli]") {
    const Folder folder;
    tune(folder, "1");
    SQLite::Database holder(folder.file("t.db"), SQLite::OPEN_READWRITE);
    holder.exec("BEGIN IMMEDIATE");
    const ProgramRun run = run_program(folder, {"tune", kProblem, "--db", "t.db", "--trials", "1"});
    INFO(run.err);
    CHECK(run.status == 3);
    CHECK(contains(run.err, "locked"));
    CHECK(contains(run.err, std::to_string(getpid())));
}

TEST_CASE("an interrupted tune exits with 130 and keeps what it measured", "[cli]") {
    const Folder folder;
    const ProgramRun run = run_and_interrupt(
        folder, {"tune", "matmul m=128 n=128 k=128", "--db", "t.db", "--time", "300s", "--threads", "1"}, 8);
    INFO(run.err);
    CHECK(run.status == 130);
    const auto stats = run_program(folder, {"db", "stats", "--db", "t.db", "--json"}).json();
    CHECK(stats.at("trials").get<int>() > 0);
    CHECK(run_program(folder, {"db", "verify", "--db", "t.db"}).status == 0);
}

TEST_CASE("show lists what was tuned, explains trials, and shows loops and machine code", "[cli]") {
    const Folder folder;
    const nlohmann::json done = tune(folder, "5");
    const ProgramRun all = run_program(folder, {"show", "--db", "t.db"});
    CHECK(all.status == 0);
    CHECK(contains(all.out, kText));
    CHECK(run_program(folder, {"show", "--db", "t.db", "--json"}).json().at("selections").size() == 1);

    const auto shown =
        run_program(folder, {"show", kProblem, "--db", "t.db", "--threads", "1", "--top", "3", "--json"}).json();
    CHECK(shown.at("tier") == "exact");
    REQUIRE(!shown.at("top").empty());
    CHECK(shown.at("top").size() <= 3);
    const std::string id = shown.at("top")[0].at("id");

    const ProgramRun why = run_program(folder, {"show", "--db", "t.db", "--why", id});
    CHECK(why.status == 0);
    CHECK(contains(why.out, "tilesmith try '"));
    CHECK(contains(why.out, " --threads 1 --seed "));
    CHECK(run_program(folder, {"show", "--db", "t.db", "--why", "1", "--json"}).json().at("trials").size() == 1);
    CHECK(run_program(folder, {"show", "--db", "t.db", "--why", "999999"}).status == 2);

    const auto code =
        run_program(folder, {"show", kProblem, "--db", "t.db", "--threads", "1", "--loops", "--asm", "--json"}).json();
    CHECK(contains(code.at("loops"), "for "));
    CHECK(contains(code.at("asm"), "innermost loop"));
    const ProgramRun analysed = run_program(folder, {"show", kProblem, "--db", "t.db", "--threads", "1", "--mca"});
    CHECK(analysed.status == 0);
    CHECK(contains(analysed.out, "cycles an iteration"));
    // Any schedule of the problem, by its id or written out.
    const std::string schedule = shown.at("top")[0].at("schedule").dump();
    const auto named = run_program(folder, {"show", kProblem, "--db", "t.db", "--threads", "1", "--schedule", id});
    CHECK(contains(named.out, id));
    const auto given =
        run_program(folder, {"show", kProblem, "--threads", "1", "--schedule", schedule, "--asm", "--json"}).json();
    CHECK(given.at("schedule_id") == id);
    CHECK(contains(given.at("asm"), "innermost loop"));
    CHECK(run_program(folder, {"show", kProblem, "--threads", "1", "--schedule", "{}"}).status == 2);
    CHECK(run_program(folder, {"show", "--threads", "1", "--schedule", schedule}).status == 2);

    const ProgramRun everything =
        run_program(folder, {"show", kProblem, "--db", "t.db", "--threads", "1", "--asm=all"});
    CHECK(everything.status == 0);
    CHECK(contains(everything.out, "tilesmith_kernel:"));
    CHECK(contains(everything.out, "ret"));
}

TEST_CASE("try repeats the default schedule and a recorded one", "[cli]") {
    const Folder folder;
    const auto plain = run_program(folder, {"try", kProblem, "--threads", "1", "--json"}).json();
    CHECK(plain.at("status") == "ok");
    CHECK(plain.at("median_ns").get<double>() > 0);
    CHECK(folder.names().empty());

    const nlohmann::json done = tune(folder, "3");
    const std::string id = done.at("problems")[0].at("schedule_id");
    const ProgramRun by_id = run_program(folder, {"try", kProblem, "--schedule", id, "--db", "t.db", "--threads", "1"});
    INFO(by_id.err);
    CHECK(by_id.status == 0);
    const std::string json = done.at("problems")[0].at("schedule").dump();
    CHECK(run_program(folder, {"try", kProblem, "--schedule", json, "--threads", "1"}).status == 0);
}

TEST_CASE("export writes a library of what was tuned", "[cli]") {
    const Folder folder;
    tune(folder, "2");
    const ProgramRun run = run_program(folder, {"export", "--db", "t.db", "-o", "dist", "--json"});
    INFO(run.err);
    REQUIRE(run.status == 0);
    const auto report = run.json();
    REQUIRE(report.at("kernels").size() == 1);
    CHECK(report.at("kernels")[0].at("tier") == "exact");
    const auto manifest = nlohmann::json::parse(folder.read("dist/manifest.json"));
    CHECK(manifest.at("kernels")[0].at("problem") == kText);
    CHECK(manifest.at("kernels")[0].at("threads") == 1);
}

TEST_CASE("export needs --threads where several thread counts were tuned", "[cli]") {
    const Folder folder;
    const auto machine = run_program(folder, {"target", "detect", "--json"}).json();
    if (machine.at("physical_cores").get<int>() < 2) return;
    tune(folder, "1", "1");
    tune(folder, "1", "2");
    const ProgramRun run = run_program(folder, {"export", "--db", "t.db", "-o", "dist"});
    CHECK(run.status == 2);
    CHECK(contains(run.err, "1, 2"));
    CHECK(run_program(folder, {"export", "--db", "t.db", "-o", "dist", "--threads", "2"}).status == 0);
}

TEST_CASE("export --require-tuned refuses default schedules with status 1", "[cli]") {
    const Folder folder;
    tune(folder, "1");
    folder.write("work.txt", kProblem + "\nmatmul m=8 n=8 k=8\n");
    const std::vector<std::string> words = {"export", "--db", "t.db", "-o", "dist", "--problems", "work.txt"};
    std::vector<std::string> strict = words;
    strict.emplace_back("--require-tuned");
    const ProgramRun refused = run_program(folder, strict);
    CHECK(refused.status == 1);
    CHECK(contains(refused.err, "matmul m=8 n=8 k=8"));
    CHECK_FALSE(std::filesystem::exists(folder.file("dist")));
    const ProgramRun run = run_program(folder, words);
    INFO(run.err);
    CHECK(run.status == 0);
    CHECK(contains(run.out, "default"));
}

TEST_CASE("export refuses an output folder whose parent is missing", "[cli]") {
    const Folder folder;
    tune(folder, "1");
    const ProgramRun run = run_program(folder, {"export", "--db", "t.db", "-o", "missing/dist"});
    CHECK(run.status == 2);
    CHECK(contains(run.err, "missing"));
    CHECK_FALSE(std::filesystem::exists(folder.file("missing")));
}

TEST_CASE("export refuses an output folder that cannot be written", "[cli]") {
    const Folder folder;
    tune(folder, "1");
    folder.write("file", "");
    for (const char* output : {"/proc/dist", "file/dist"}) {
        const ProgramRun run = run_program(folder, {"export", "--db", "t.db", "-o", output});
        INFO(run.err);
        CHECK(run.status == 2);
        CHECK(contains(run.err, output));
    }
    CHECK(folder.read("file").empty());
}

TEST_CASE("bench --json compares with every library found, on one thread and on several", "[cli]") {
    const Folder folder;
    tune(folder, "2");
    const auto cores = run_program(folder, {"target", "detect", "--json"}).json().at("physical_cores").get<int>();
    for (int threads = 1; threads <= std::min(cores, 2); ++threads) {
        const ProgramRun run =
            run_program(folder, {"bench", kProblem, "conv2d n=1 h=6 w=5 ci=3 co=5 kh=3 kw=3 pad=1", "--db", "t.db",
                                 "--threads", std::to_string(threads), "--time", "0.2s", "--json"});
        INFO(run.err);
        REQUIRE(run.status == 0);
        CHECK_FALSE(run.has_control_characters());
        const auto report = run.json();
        CHECK(report.at("device").contains("fingerprint"));
        REQUIRE(report.at("rows").size() == 2);
        CHECK(report.at("rows")[0].at("tier") == (threads == 1 ? "exact" : "default"));
        CHECK(report.at("rows")[1].at("tier") == "default");
        for (const auto& row : report.at("rows")) {
            CHECK(row.at("threads") == threads);
            CHECK(row.at("low_ns") <= row.at("median_ns"));
            CHECK(row.at("median_ns") <= row.at("high_ns"));
            CHECK(row.at("gflops").get<double>() > 0);
            if (row.at("peers").empty()) continue;
            CHECK(row.at("peers").contains(row.at("best_peer").get<std::string>()));
            CHECK(row.at("speedup_vs_best_peer").get<double>() > 0);
        }
        CHECK(report.contains("geomean_speedup_vs_best_peer"));
    }
}

TEST_CASE("bench compares with libraries and with reading alone at once, on several threads too", "[cli]") {
    const Folder folder;
    const ProgramRun run = run_program(folder, {"bench", "reduce_sum outer=10 reduced=3000", "--threads", "2", "--time",
                                                "0.1s", "--against", "stream,onednn", "--json"});
    INFO(run.err);
    REQUIRE(run.status == 0);
    CHECK(run.json().at("rows")[0].at("peers").contains("stream"));
}

TEST_CASE("bench prints a table", "[cli]") {
    const Folder folder;
    const ProgramRun run = run_program(folder, {"bench", kProblem, "--threads", "1", "--time", "0.1s"});
    INFO(run.err);
    CHECK(run.status == 0);
    CHECK_FALSE(run.has_control_characters());
    CHECK(contains(run.out, kText));
    CHECK(contains(run.out, "default"));
    CHECK(folder.names().empty());
}
