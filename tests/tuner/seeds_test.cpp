#include "tuner/seeds.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "tests/tuner/toy.h"
#include "tuner/scores.h"

using namespace tilesmith;

TEST_CASE("problem_distance: grows with the ratio of extents and is infinite between operators", "[unit]") {
    const std::string a = "matmul m=512 n=512 k=512 dtype=f32";
    CHECK(problem_distance(a, a) == 0);
    CHECK(problem_distance(a, "matmul m=512 n=1024 k=512 dtype=f32") == Approx(1));
    CHECK(problem_distance(a, "matmul m=512 n=512 k=512 dtype=bf16") == Approx(1));
    CHECK(problem_distance(a, "matmul m=512 n=512 k=512 dtype=f32 transpose_a=1") == Approx(1));
    CHECK(std::isinf(problem_distance(a, "conv2d m=512 n=512 k=512 dtype=f32")));
}

TEST_CASE("foreign_winners: the nearest problem's best come first, own trials and failures not at all", "[unit]") {
    const TrialKey own = toy::key("toy n=512");
    const Schedule far = toy::tiled(1, 1, "nm", 16);
    const Schedule near = toy::tiled(2, 1, "nm", 16);
    const Schedule broken = toy::tiled(3, 1, "nm", 16);
    const std::vector<Trial> history{
        toy::trial(toy::tiled(4, 1, "nm", 16), toy::timed(1), own),
        toy::trial(far, toy::timed(10), toy::key("toy n=64")),
        toy::trial(near, toy::timed(1000), toy::key("toy n=500")),
        toy::trial(broken, Outcome::failed(Status::crashed, "signal"), toy::key("toy n=500")),
    };
    CHECK(foreign_winners(history, own, 5) == std::vector<Schedule>{near, far});
    CHECK(foreign_winners(history, own, 1) == std::vector<Schedule>{near});
}

TEST_CASE("relevant_history: all own trials and the nearest others, with medians for samples", "[unit]") {
    std::vector<Trial> all;
    for (int i = 0; i < 5; ++i)
        all.push_back(toy::trial(toy::tiled(1 + i, 1, "nm", 16), toy::timed(10), toy::key("toy n=64")));
    for (int i = 0; i < 5; ++i)
        all.push_back(toy::trial(toy::tiled(1 + i, 1, "nm", 32), toy::timed(10), toy::key("toy n=500")));
    for (int i = 0; i < 5; ++i) all.push_back(toy::trial(toy::tiled(1 + i, 1, "nm", 64), toy::timed(10)));
    const auto relevant = relevant_history(all, toy::key(), 7);
    REQUIRE(relevant.size() == 12);
    CHECK(relevant[0].key == toy::key());
    CHECK(relevant[5].key == toy::key("toy n=500"));
    CHECK(relevant[11].key == toy::key("toy n=64"));
    for (const Trial& trial : relevant) CHECK(trial.outcome.samples_ns.size() == 1);
}

TEST_CASE("scores: a machine's drift is taken out by the reference times", "[unit]") {
    Scores scores;
    Trial calm = toy::trial(toy::tiled(1, 1, "nm", 16), toy::timed(1000));
    calm.outcome.reference_ns = 100;
    Trial slowed = toy::trial(toy::tiled(2, 1, "nm", 16), toy::timed(1080));
    slowed.outcome.reference_ns = 120;
    scores.add(calm);
    scores.add(slowed);
    CHECK(scores.ranking().front().schedule == slowed.schedule);
}

TEST_CASE("scores: schedules that failed once or were never timed to the end are not ranked", "[unit]") {
    Scores scores;
    const Schedule flaky = toy::tiled(1, 1, "nm", 16);
    scores.add(toy::trial(flaky, toy::timed(1000)));
    scores.add(toy::trial(flaky, Outcome::failed(Status::wrong_result, "element 1")));
    Trial cut = toy::trial(toy::tiled(2, 1, "nm", 16), toy::timed(5000));
    cut.outcome.censored = true;
    scores.add(cut);
    CHECK(scores.ranking().empty());
    scores.add(toy::trial(cut.schedule, toy::timed(4000)));
    REQUIRE(scores.ranking().size() == 1);
    CHECK(scores.ranking().front().cost_ns > 4000);
}
