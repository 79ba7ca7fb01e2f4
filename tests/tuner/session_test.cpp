#include "tuner/session.h"

#include <catch2/catch.hpp>
#include <set>

#include "core/error.h"
#include "tests/tuner/toy.h"

using namespace tilesmith;

namespace {

Outcome by_formula(const Schedule& schedule) { return toy::timed(toy::cost_ns(schedule)); }

struct Held {
    SessionResult result;
    std::vector<Trial> recorded;
    size_t reports = 0;
};

Held hold(SessionRequest request, toy::ScriptedRunner& runner) {
    Held held;
    request.clock_s = [&runner] { return runner.now_s; };
    SessionEvents events;
    events.record = [&held](const Trial& trial) {
        held.recorded.push_back(trial);
        return static_cast<int64_t>(held.recorded.size());
    };
    events.progress = [&held](const SessionProgress&, const Trial*) { ++held.reports; };
    held.result = run_session(std::move(request), runner, events);
    return held;
}

SessionRequest request_for(Budget budget, uint64_t seed = 1) {
    SessionRequest request;
    request.context = toy::context(seed);
    request.budget = budget;
    return request;
}

// Answers nothing for the first so many seconds.
class SlowRunner : public toy::ScriptedRunner {
  public:
    explicit SlowRunner(double silent_s) : ScriptedRunner(by_formula), end_s_(now_s + silent_s) {}

    std::optional<Measured> next(double timeout_s) override {
        if (now_s >= end_s_) return ScriptedRunner::next(timeout_s);
        now_s += 100;
        return std::nullopt;
    }

  private:
    double end_s_;
};

}  // namespace

TEST_CASE("a session: makes exactly the trials of its budget, the default first, and records all of them", "[unit]") {
    for (const size_t trials : {1U, 2U, 7U, 60U}) {
        toy::ScriptedRunner runner(by_formula);
        const Held held = hold(request_for({trials, {}}), runner);
        CHECK(held.result.stop == StopReason::trials);
        CHECK(held.result.progress.trials == trials);
        CHECK(runner.submitted.size() == trials);
        CHECK(runner.submitted.front() == toy::default_schedule());
        CHECK(runner.most_in_flight <= 4);
        size_t screening = 0;
        for (const Trial& trial : held.recorded) screening += trial.origin == "final" ? 0 : 1;
        CHECK(screening == trials);
        CHECK(held.recorded.front().origin == "default");
        CHECK(held.reports == trials + 1);
        REQUIRE(held.result.selection);
        CHECK(held.result.selection->key == toy::key());
    }
}

TEST_CASE("a session: keeps the runner as full as it was told", "[unit]") {
    toy::ScriptedRunner runner(by_formula);
    SessionRequest request = request_for({40, {}});
    request.in_flight = 6;
    hold(std::move(request), runner);
    CHECK(runner.most_in_flight == 6);
}

TEST_CASE("a session: ends within its seconds, the final included", "[unit]") {
    toy::ScriptedRunner runner(by_formula);
    const Held held = hold(request_for({{}, 20.0}), runner);
    CHECK(held.result.stop == StopReason::time);
    CHECK(held.result.progress.elapsed_s <= 20.2);
    CHECK(held.result.progress.elapsed_s > 17);
    CHECK(held.result.progress.trials > 150);
    CHECK(held.result.selection);
}

TEST_CASE("a session: without a budget it stops when more trials no longer pay", "[unit]") {
    toy::ScriptedRunner runner(
        [](const Schedule& schedule) { return toy::timed(schedule == toy::default_schedule() ? 1000 : 1001); });
    const Held held = hold(request_for({}), runner);
    CHECK(held.result.stop == StopReason::converged);
    CHECK(held.result.progress.trials == kLeastTrials);
    CHECK(held.result.stop_text.find("no improvement") != std::string::npos);
}

TEST_CASE("a session: ends exhausted with the reasons when candidates only fail", "[unit]") {
    size_t count = 0;
    toy::ScriptedRunner runner([&count](const Schedule&) {
        return Outcome::failed(++count % 4 == 0 ? Status::timed_out : Status::compile_failed, "no");
    });
    const Held held = hold(request_for({}), runner);
    CHECK(held.result.stop == StopReason::exhausted);
    CHECK(held.result.progress.trials == kMostFailuresInARow);
    CHECK(held.result.progress.failed.at(Status::timed_out) == 25);
    CHECK(held.result.stop_text.find("75 compile_failed") != std::string::npos);
    CHECK(held.result.stop_text.find("25 timed_out") != std::string::npos);
    CHECK_FALSE(held.result.selection);
}

TEST_CASE("a session: ends exhausted when every schedule was tried", "[unit]") {
    toy::ScriptedRunner runner(by_formula);
    SessionRequest request = request_for({1000, {}});
    request.context.spaces = {toy::thin_space()};
    request.search = "exhaustive";
    const Held held = hold(std::move(request), runner);
    CHECK(held.result.stop == StopReason::exhausted);
    CHECK(held.result.progress.trials == 6);
    CHECK(held.result.stop_text == "every schedule was tried");
}

TEST_CASE("a session: an interruption ends it at once with everything recorded and a short final", "[unit]") {
    std::atomic<int> interruptions{0};
    toy::ScriptedRunner runner(by_formula);
    size_t count = 0;
    runner.after_each = [&] {
        if (++count == 30) interruptions = 1;
    };
    SessionRequest request = request_for({});
    request.interruptions = &interruptions;
    const Held held = hold(std::move(request), runner);
    CHECK(held.result.stop == StopReason::interrupted);
    CHECK(held.result.progress.trials == 30);
    CHECK(held.result.selection);
    CHECK(runner.reranked.size() == 4);
    CHECK(held.recorded.size() == 34);
}

TEST_CASE("a session: interrupted twice it holds no final", "[unit]") {
    std::atomic<int> interruptions{0};
    toy::ScriptedRunner runner(by_formula);
    runner.after_each = [&] { interruptions = 2; };
    SessionRequest request = request_for({});
    request.interruptions = &interruptions;
    const Held held = hold(std::move(request), runner);
    CHECK(held.result.stop == StopReason::interrupted);
    CHECK(held.recorded.size() == 1);
    CHECK_FALSE(held.result.selection);
}

TEST_CASE("a session: the incumbent takes part in the final without a trial of its own, until it fails", "[unit]") {
    const Schedule incumbent = toy::tiled(6, 4, "mn", 256);
    SessionRequest request = request_for({1, {}});
    request.incumbent = incumbent;
    toy::ScriptedRunner runner(by_formula);
    const Held held = hold(request, runner);
    CHECK(runner.reranked == std::vector<Schedule>{toy::default_schedule(), toy::default_schedule(), incumbent});
    REQUIRE(held.result.selection);
    CHECK(held.result.selection->schedule == incumbent);

    toy::ScriptedRunner failing([&](const Schedule& schedule) {
        return schedule == incumbent ? Outcome::failed(Status::wrong_result, "no") : by_formula(schedule);
    });
    const Held without = hold(request, failing);
    CHECK(failing.reranked == std::vector<Schedule>(2, toy::default_schedule()));
    REQUIRE(without.result.selection);
    CHECK(without.result.selection->schedule == toy::default_schedule());
}

TEST_CASE("a session: waits for each stage of the runner, and calls the workers lost when nothing comes after them",
          "[unit]") {
    for (const auto& [silent_s, lost] : {std::pair{4 * kLongestStageS, false}, std::pair{100 * kLongestStageS, true}}) {
        SlowRunner runner(silent_s);
        if (lost) {
            CHECK_THROWS_WITH(hold(request_for({5, {}}), runner), Catch::Matchers::Contains("the workers are lost"));
        } else {
            CHECK(hold(request_for({5, {}}), runner).result.progress.trials == 5);
        }
    }
}

TEST_CASE("a session: never selects what is not faster than the default in the final", "[unit]") {
    toy::ScriptedRunner runner(by_formula);
    runner.final_answer = [](const Schedule& schedule) {
        return toy::timed(schedule == toy::default_schedule() ? 1000 : 1100);
    };
    const Held held = hold(request_for({40, {}}), runner);
    REQUIRE(held.result.selection);
    CHECK(held.result.selection->schedule == toy::default_schedule());
    CHECK(held.result.progress.best_ns == held.result.progress.default_ns);
}

TEST_CASE("a session: where all of a final fail their check, the next best take part", "[unit]") {
    toy::ScriptedRunner runner(by_formula);
    std::set<std::string> first;
    runner.final_answer = [&](const Schedule& schedule) {
        if (schedule == toy::default_schedule()) return by_formula(schedule);
        if (first.size() < kContenders || first.count(schedule.text()) == 1) {
            first.insert(schedule.text());
            return Outcome::failed(Status::wrong_result, "on another seed");
        }
        return by_formula(schedule);
    };
    const Held held = hold(request_for({60, {}}), runner);
    REQUIRE(held.result.selection);
    CHECK(first.count(held.result.selection->schedule.text()) == 0);
    CHECK(held.result.selection->schedule != toy::default_schedule());
}

TEST_CASE("a session: resumed, it repeats nothing but the default and the final, and remembers the best", "[unit]") {
    toy::ScriptedRunner before(by_formula);
    const Held earlier = hold(request_for({80, {}}), before);
    REQUIRE(earlier.result.selection);

    // Everything new is slow, so that only history can win.
    std::set<std::string> known;
    for (const Schedule& schedule : before.submitted) known.insert(schedule.text());
    toy::ScriptedRunner after([&](const Schedule& schedule) {
        return toy::timed(known.count(schedule.text()) == 1 ? toy::cost_ns(schedule) : 50'000);
    });
    SessionRequest request = request_for({30, {}}, 2);
    request.context.history = earlier.recorded;
    request.incumbent = earlier.result.selection->schedule;
    const Held later = hold(std::move(request), after);
    CHECK(later.result.progress.trials == 30);
    for (size_t i = 1; i < after.submitted.size(); ++i) CHECK(known.count(after.submitted[i].text()) == 0);
    CHECK(after.submitted.front() == toy::default_schedule());
    REQUIRE(later.result.selection);
    CHECK(later.result.selection->schedule == earlier.result.selection->schedule);
}

TEST_CASE("a session: tells the runner the best time whenever it improves", "[unit]") {
    toy::ScriptedRunner runner(by_formula);
    hold(request_for({60, {}}), runner);
    REQUIRE_FALSE(runner.best_ns_seen.empty());
    CHECK(std::is_sorted(runner.best_ns_seen.rbegin(), runner.best_ns_seen.rend()));
}

TEST_CASE("a session: an error of the record ends it at once", "[unit]") {
    toy::ScriptedRunner runner(by_formula);
    SessionEvents events;
    events.record = [](const Trial&) -> int64_t { throw run_failed("disk full"); };
    CHECK_THROWS_AS(run_session(request_for({10, {}}), runner, events), Error);
    CHECK(runner.submitted.size() == 4);
}

TEST_CASE("a session: a budget of nothing is bad input", "[unit]") {
    toy::ScriptedRunner runner(by_formula);
    CHECK_THROWS_AS(hold(request_for({0, {}}), runner), Error);
    CHECK_THROWS_AS(hold(request_for({{}, 0.0}), runner), Error);
}
