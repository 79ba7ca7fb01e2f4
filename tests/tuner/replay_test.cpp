#include "tuner/replay_runner.h"

#include <catch2/catch.hpp>
#include <set>
#include <sstream>

#include "core/error.h"
#include "tests/tuner/toy.h"
#include "tuner/compare_searches.h"
#include "tuner/session.h"

using namespace tilesmith;

namespace {

// 300 random schedules of a toy problem of this size, one in 25 failed.
std::vector<Recorded> recording(int size, uint64_t seed) {
    const Space space = toy::tiled_space();
    Rng rng(seed);
    std::vector<Recorded> result;
    std::set<std::string> known;
    const auto add = [&](const Schedule& schedule, const std::string& origin) {
        if (!known.insert(schedule.text()).second) return;
        Recorded recorded;
        recorded.key = toy::key("toy n=" + std::to_string(size));
        recorded.schedule = schedule;
        recorded.origin = origin;
        recorded.features = toy::features(schedule, size);
        const bool failed = origin != "default" && schedule.hash() % 25 == 0;
        recorded.status = failed ? Status::compile_failed : Status::ok;
        recorded.median_ns = failed ? 0 : toy::cost_ns(schedule, size);
        result.push_back(recorded);
    };
    add(toy::default_schedule(), "default");
    while (result.size() < 300) add(*space.sample(rng), "random");
    return result;
}

std::vector<Recorded> recordings() {
    std::vector<Recorded> result;
    for (const int size : {128, 512, 1024})
        for (Recorded& recorded : recording(size, static_cast<uint64_t>(size))) result.push_back(std::move(recorded));
    return result;
}

}  // namespace

TEST_CASE("records survive being written and read", "[replay]") {
    const auto written = recording(512, 1);
    std::stringstream stream;
    for (const Recorded& recorded : written) write_record(stream, recorded);
    const auto read = read_records(stream, "toy.jsonl");
    REQUIRE(read.size() == written.size());
    for (size_t i = 0; i < read.size(); ++i) {
        CHECK(read[i].key == written[i].key);
        CHECK(read[i].schedule == written[i].schedule);
        CHECK(read[i].features == written[i].features);
        CHECK(read[i].status == written[i].status);
        CHECK(read[i].median_ns == Approx(written[i].median_ns));
        CHECK(read[i].origin == written[i].origin);
    }
}

TEST_CASE("a trial survives being recorded", "[replay]") {
    const Recorded recorded = recording(512, 1).front();
    const Recorded again = recorded_of(trial_of(recorded), recorded.features);
    CHECK(again.key == recorded.key);
    CHECK(again.schedule == recorded.schedule);
    CHECK(again.median_ns == recorded.median_ns);
    CHECK(again.origin == "default");
}

TEST_CASE("a bad line of a recording is bad input that names the line", "[replay]") {
    std::stringstream stream;
    write_record(stream, recording(512, 1).front());
    stream << "{\"problem\": 5}\n";
    try {
        read_records(stream, "toy.jsonl");
        FAIL("no error");
    } catch (const Error& error) {
        CHECK(error.kind() == Error::Kind::bad_input);
        CHECK(std::string(error.what()).find("toy.jsonl, line 2") != std::string::npos);
    }
}

TEST_CASE("a whole session runs on a replay", "[replay]") {
    const auto records = recording(512, 1);
    ReplayRunner runner(records);
    SessionRequest request;
    request.context = replay_context(records, 1);
    request.budget.trials = 60;
    std::set<std::string> tried;
    SessionEvents events;
    events.record = [&tried](const Trial& trial) {
        if (trial.origin != "final") CHECK(tried.insert(trial.schedule.text()).second);
        CHECK(trial.outcome.reason != "not recorded");
        return int64_t{1};
    };
    const SessionResult result = run_session(std::move(request), runner, events);
    CHECK(tried.size() == 60);
    REQUIRE(result.selection);
    CHECK(result.selection->median_ns < result.selection->default_ns);
}

TEST_CASE("the model finds better schedules in 40 trials than random search does", "[replay]") {
    ComparisonRequest request;
    request.searches = {"model", "evolutionary", "random"};
    request.seeds = {1, 2, 3, 4};
    const auto curves = compare_searches(recordings(), request);
    REQUIRE(curves.size() == 3);
    for (const SearchCurve& curve : curves) {
        CHECK(curve.mean_quality.size() == 40);
        CHECK(std::is_sorted(curve.mean_quality.begin(), curve.mean_quality.end()));
        CHECK(curve.mean_quality.back() <= 1);
    }
    INFO(to_json(curves).dump());
    CHECK(curves[0].ratio > 1);
    CHECK(curves[0].ratio_low > 1);
    CHECK(curves[0].mean_quality.back() > curves[2].mean_quality.back());
    CHECK(curves[2].ratio == 1);
}

TEST_CASE("what was learned on other problems helps the model's first trials", "[replay]") {
    ComparisonRequest request;
    request.searches = {"model"};
    request.seeds = {1, 2, 3, 4, 5};
    request.trials = 12;
    const auto alone = compare_searches(recordings(), request);
    request.other_problems = true;
    const auto informed = compare_searches(recordings(), request);
    CHECK(informed[0].mean_quality.back() > alone[0].mean_quality.back());
}

TEST_CASE("comparing nothing is bad input", "[replay]") {
    ComparisonRequest request;
    request.searches = {"random"};
    request.seeds = {1};
    CHECK_THROWS_AS(compare_searches({}, request), Error);
    request.searches = {"psychic"};
    CHECK_THROWS_AS(compare_searches(recording(512, 1), request), Error);
}
