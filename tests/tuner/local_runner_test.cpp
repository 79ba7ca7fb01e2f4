// Real schedules on this machine, with the programs that are shipped.
#include "tuner/local_runner.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "codegen/host.h"
#include "core/rng.h"
#include "schedules/operator.h"
#include "schedules/template.h"

using namespace tilesmith;

namespace {

LocalRunnerOptions options_for(const std::string& problem, int threads) {
    LocalRunnerOptions options;
    options.problem = parse_problem(problem);
    options.target = resolve_target("host", true, nullptr);
    options.conditions.threads = threads;
    options.jobs = 2;
    options.timing.budget_ns = 5e6;
    return options;
}

}  // namespace

TEST_CASE("local runner: default and random schedules are compiled, found right and timed", "[kernel]") {
    for (const char* problem : {"matmul m=37 n=53 k=29", "matmul m=32 n=64 k=48 weights=fixed epilogue=bias,gelu",
                                "conv2d n=1 h=9 w=9 ci=16 co=24 kh=3 kw=3 pad=1 epilogue=bias,relu6"}) {
        const LocalRunnerOptions options = options_for(problem, 1);
        const Template& best = *templates_for(options.problem, options.target).front();
        Rng rng(5);
        std::vector<Schedule> schedules{default_schedule(options.problem, options.target, options.conditions)};
        const Space space = best.space(options.problem, options.target, options.conditions);
        for (int i = 0; i < 3; ++i) schedules.push_back(space.sample(rng).value());
        LocalRunner runner(options);
        runner.submit(schedules);
        size_t measured = 0;
        while (const auto one = runner.next(120)) {
            INFO(problem << " " << one->schedule.text() << ": " << one->outcome.reason);
            CHECK(one->outcome.ok());
            CHECK(one->outcome.compile_ms > 0);
            ++measured;
        }
        CHECK(measured == schedules.size());
    }
}

TEST_CASE("local runner: a re-rank of many goes on with the defaults and the fastest few", "[kernel]") {
    const LocalRunnerOptions options = options_for("matmul m=64 n=96 k=80", 1);
    const Schedule schedule = default_schedule(options.problem, options.target, options.conditions);
    LocalRunner runner(options);
    const auto contenders = runner.rerank(std::vector<Schedule>(9, schedule), 0.3);
    REQUIRE(contenders.size() == 9);
    const size_t rounds = contenders[0].outcome.samples_ns.size();
    CHECK(contenders[1].outcome.samples_ns.size() == rounds);
    CHECK(std::count_if(contenders.begin(), contenders.end(), [rounds](const Contender& contender) {
              return contender.outcome.samples_ns.size() == rounds;
          }) == 6);
}

TEST_CASE("local runner: a re-rank compiles with assertions and times on two threads", "[kernel]") {
    const LocalRunnerOptions options = options_for("matmul m=64 n=96 k=80", 2);
    const Schedule schedule = default_schedule(options.problem, options.target, options.conditions);
    LocalRunner runner(options);
    const auto contenders = runner.rerank({schedule, schedule}, 0.1);
    REQUIRE(contenders.size() == 2);
    for (const Contender& contender : contenders) {
        INFO(contender.outcome.reason);
        CHECK(contender.outcome.ok());
        CHECK(contender.outcome.samples_ns.size() >= 10);
    }
}
