// What a candidate does wrong becomes its outcome, with a reason that says what it did, and the session goes on.
#include <dirent.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cstdio>
#include <fstream>
#include <map>
#include <sstream>

#include "core/error.h"
#include "tests/worker/bad_runner.h"

using namespace tilesmith;

namespace {

std::map<std::string, Outcome> run_all(LocalRunner& runner, const std::vector<std::string>& names) {
    std::vector<Schedule> schedules;
    for (const std::string& name : names) schedules.push_back(named_schedule(name));
    runner.submit(schedules);
    std::map<std::string, Outcome> outcomes;
    while (runner.in_flight() > 0) {
        const auto measured = runner.next(60);
        REQUIRE(measured);
        outcomes[measured->schedule.template_id().name] = measured->outcome;
    }
    return outcomes;
}

struct Case {
    std::string kernel;
    Status status;
    std::string reason;  // what it must mention
};

const std::vector<Case>& cases() {
    static const std::vector<Case> kTable = {
        {"crashes", Status::crashed, "SIGSEGV"},
        {"never_ends", Status::timed_out, "stopped after"},
        {"takes_all_memory", Status::out_of_memory, "out_of_memory"},
        {"takes_all_memory_unasserted", Status::out_of_memory, "SIGSEGV"},
        {"reads_behind", Status::crashed, "read 1 bytes behind the end of 'a'"},
        {"reads_before", Status::crashed, "read 4 bytes before the start of 'b'"},
        {"writes_before", Status::crashed, "wrote 4 bytes before the start of 'c'"},
        {"writes_input", Status::crashed, "wrote to the input 'b'"},
        {"wrong_in_one", Status::wrong_result, "c[4,6]"},
        {"leaves_one", Status::wrong_result, "c[1,1] is nan"},
        {"returns_error", Status::run_failed, "access_out_of_bounds"},
        {"undefined", Status::run_failed, "no_such_function"},
        {"refused", Status::compile_failed, "no such schedule"},
        {"compiler_crashes", Status::crashed, "SIGABRT"},
        {"compiler_never_ends", Status::timed_out, "compiling: stopped after"},
    };
    return kTable;
}

// Processes whose parent is `parent`.
std::vector<pid_t> children_of(pid_t parent) {
    std::vector<pid_t> children;
    DIR* const folder = opendir("/proc");
    REQUIRE(folder != nullptr);
    while (const dirent* entry = readdir(folder)) {
        std::ifstream stat(std::string("/proc/") + entry->d_name + "/stat");
        std::string line;
        if (!std::getline(stat, line)) continue;
        std::istringstream rest(line.substr(line.rfind(')') + 1));
        std::string state;
        pid_t its_parent = 0;
        rest >> state >> its_parent;
        if (its_parent == parent) children.push_back(std::stoi(entry->d_name));
    }
    closedir(folder);
    return children;
}

bool runs(pid_t pid) {
    std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
    std::string line;
    if (!std::getline(stat, line)) return false;
    return line.at(line.rfind(')') + 2) != 'Z';
}

}  // namespace

TEST_CASE("runner: each way to go wrong becomes the right outcome, and a good kernel is measured after it",
          "[kernel]") {
    unsetenv("MALLOC_PERTURB_");  // filling all memory takes longer than the kernels that take it may run
    LocalRunner runner(bad_options());
    for (const Case& bad : cases()) {
        INFO(bad.kernel);
        const auto outcomes = run_all(runner, {bad.kernel, "good"});
        const Outcome& outcome = outcomes.at(bad.kernel);
        INFO(outcome.reason);
        CHECK(std::string(status_name(outcome.status)) == std::string(status_name(bad.status)));
        CHECK(outcome.reason.find(bad.reason) != std::string::npos);
        CHECK(outcome.samples_ns.empty());
        const Outcome& good = outcomes.at("good");
        INFO(good.reason);
        CHECK(good.ok());
        CHECK(good.samples_ns.size() >= 3);
        CHECK(good.reference_ns > 0);
    }
}

TEST_CASE("runner: a kernel that may add in place is checked and timed doing so", "[kernel]") {
    LocalRunnerOptions options = bad_options();
    options.problem = parse_problem("matmul m=5 n=7 k=3 epilogue=add");
    LocalRunner runner(options);
    const auto outcomes = run_all(runner, {"adds", "adds_too_late"});
    CHECK(outcomes.at("adds").ok());
    CHECK(outcomes.at("adds").samples_ns.size() >= 3);
    const Outcome& late = outcomes.at("adds_too_late");
    CHECK(late.status == Status::wrong_result);
    CHECK_THAT(late.reason, Catch::Contains("adding in place"));
}

TEST_CASE("runner: with several threads, compiling and timing take turns and all is measured", "[kernel]") {
    LocalRunnerOptions options = bad_options();
    options.conditions.threads = 2;
    LocalRunner runner(options);
    for (int round = 0; round < 2; ++round) {
        runner.submit(std::vector<Schedule>(20, named_schedule("good")));
        int ok = 0;
        while (const auto measured = runner.next(30)) ok += measured->outcome.ok() ? 1 : 0;
        CHECK(ok == 20);
    }
}

TEST_CASE("runner: what a compiler prints on stdout does not disturb the frames", "[kernel]") {
    LocalRunner runner(bad_options());
    CHECK(run_all(runner, {"prints"}).at("prints").ok());
}

TEST_CASE("runner: a candidate clearly slower than the best is stopped and says so", "[kernel]") {
    LocalRunner runner(bad_options());
    runner.set_best_ns(0.01);
    const auto outcome = run_all(runner, {"good"}).at("good");
    CHECK(outcome.ok());
    CHECK(outcome.censored);
    CHECK(outcome.samples_ns.size() == 3);
}

TEST_CASE("runner: cancelling gives up what has not begun", "[kernel]") {
    LocalRunner runner(bad_options());
    runner.submit(std::vector<Schedule>(30, named_schedule("good")));
    REQUIRE(runner.in_flight() == 30);
    runner.cancel();
    CHECK(runner.in_flight() <= 2);
    while (runner.next(30)) continue;
    CHECK(runner.in_flight() == 0);
    CHECK(run_all(runner, {"good"}).at("good").ok());
}

TEST_CASE("runner: a re-rank times the good in the same rounds and fails the bad", "[kernel]") {
    LocalRunner runner(bad_options());
    const auto contenders = runner.rerank(
        {named_schedule("good"), named_schedule("wrong_in_one"), named_schedule("crashes"), named_schedule("good")},
        0.05);
    REQUIRE(contenders.size() == 4);
    CHECK(contenders[1].outcome.status == Status::wrong_result);
    CHECK(contenders[2].outcome.status == Status::crashed);
    for (const size_t i : {size_t{0}, size_t{3}}) {
        INFO(contenders[i].outcome.reason);
        CHECK(contenders[i].schedule == named_schedule("good"));
        REQUIRE(contenders[i].outcome.ok());
        CHECK(contenders[i].outcome.samples_ns.size() >= 10);
    }
    CHECK(contenders[0].outcome.samples_ns.size() == contenders[3].outcome.samples_ns.size());
}

TEST_CASE("runner: for a death in a re-rank that nobody explains, the last contender is left out, not the default",
          "[kernel]") {
    LocalRunner runner(bad_options());
    const auto contenders = runner.rerank(
        {named_schedule("good"), named_schedule("good"), named_schedule("good"), named_schedule("dies_when_timed")},
        0.05);
    REQUIRE(contenders.size() == 4);
    for (size_t i = 0; i < 3; ++i) {
        INFO(contenders[i].outcome.reason);
        CHECK(contenders[i].outcome.ok());
    }
    INFO(contenders[3].outcome.reason);
    CHECK(contenders[3].outcome.status == Status::crashed);
    CHECK(contenders[3].outcome.reason.find("SIGTRAP") != std::string::npos);
}

TEST_CASE("runner: Ctrl-C and SIGTERM, which reach its children too, do not end them", "[kernel]") {
    LocalRunner runner(bad_options());
    REQUIRE(run_all(runner, {"good"}).at("good").ok());
    const std::vector<pid_t> children = children_of(getpid());
    REQUIRE(children.size() == 2);
    for (const pid_t child : children)
        for (const int signal : {SIGINT, SIGTERM}) CHECK(kill(child, signal) == 0);
    CHECK(run_all(runner, {"good"}).at("good").ok());
    CHECK(children_of(getpid()) == children);
}

TEST_CASE("runner: a program that cannot be started ends the run with its name", "[kernel]") {
    LocalRunnerOptions missing = bad_options();
    missing.compiler_command = {"/nowhere/tilesmith-compiler"};
    CHECK_THROWS_WITH(LocalRunner(missing), Catch::Matchers::Contains("/nowhere/tilesmith-compiler"));
    LocalRunnerOptions broken = bad_options();
    broken.worker_command = {"/bin/false"};
    LocalRunner runner(broken);
    runner.submit({named_schedule("good")});
    CHECK_THROWS_WITH(runner.next(30), Catch::Matchers::Contains("/bin/false does not start"));
}

TEST_CASE("runner: killing the tuner leaves no child behind", "[kernel]") {
    std::array<int, 2> output{};
    REQUIRE(pipe(output.data()) == 0);
    const pid_t parent = fork();
    REQUIRE(parent >= 0);
    if (parent == 0) {
        dup2(output[1], STDOUT_FILENO);
        execl(RUNNER_PARENT, RUNNER_PARENT, nullptr);
        _exit(127);
    }
    close(output[1]);
    char ready = 0;
    REQUIRE(read(output[0], &ready, 1) == 1);
    const std::vector<pid_t> children = children_of(parent);
    CHECK(children.size() == 2);
    kill(parent, SIGKILL);
    int status = 0;
    waitpid(parent, &status, 0);
    close(output[0]);
    bool all_gone = false;
    for (int waited_ms = 0; waited_ms < 5000 && !all_gone; waited_ms += 20) {
        all_gone = std::none_of(children.begin(), children.end(), runs);
        if (!all_gone) usleep(20000);
    }
    CHECK(all_gone);
}
