#include "tuner/final.h"

#include <catch2/catch.hpp>

#include "core/rng.h"
#include "tests/tuner/toy.h"

using namespace tilesmith;

namespace {

// `ns` with 2% of noise, on a machine that gets slower by 10% while the rounds go on.
Contender contender(const Schedule& schedule, double ns, uint64_t seed, size_t rounds = 25) {
    Rng rng(seed);
    Contender result{schedule, {}};
    for (size_t i = 0; i < rounds; ++i) {
        const double drift = 1 + 0.1 * static_cast<double>(i) / static_cast<double>(rounds);
        result.outcome.samples_ns.push_back(ns * drift * (1 + 0.02 * rng.uniform()));
    }
    return result;
}

const Schedule kOther = toy::tiled(6, 4, "mn", 256);
const Schedule kThird = toy::tiled(5, 4, "mn", 256);

}  // namespace

TEST_CASE("the final: the contender with the least ratio to the default wins", "[unit]") {
    const Schedule start = toy::default_schedule();
    const auto verdict = decide(
        {contender(start, 1000, 1), contender(start, 1000, 2), contender(kOther, 900, 3), contender(kThird, 850, 4)},
        {1000, 1000, 880, 890});
    REQUIRE(verdict);
    CHECK(verdict->winner == 3);
    CHECK(verdict->noise_floor < 0.02);
    CHECK(verdict->evidence["contenders"].size() == 4);
    CHECK(verdict->evidence["contenders"][3]["ratio_to_default"].get<double>() == Approx(0.85).margin(0.02));
    CHECK(verdict->evidence["contenders"][3]["screening_ns"] == 890);
    CHECK(verdict->evidence["rounds"] == 25);
}

TEST_CASE("the final: within noise of the default, the default wins", "[unit]") {
    const Schedule start = toy::default_schedule();
    const auto verdict =
        decide({contender(start, 1000, 1), contender(start, 1000, 2), contender(kOther, 999, 3)}, {1000, 1000, 700});
    REQUIRE(verdict);
    CHECK(verdict->winner < 2);
}

TEST_CASE("the final: a gain below what the default differs from itself does not count", "[unit]") {
    const Schedule start = toy::default_schedule();
    const auto verdict =
        decide({contender(start, 1000, 1), contender(start, 1100, 2), contender(kOther, 970, 3)}, {1000, 1000, 970});
    REQUIRE(verdict);
    CHECK(verdict->noise_floor == Approx(0.1).margin(0.02));
    CHECK(verdict->winner < 2);
}

TEST_CASE("the final: a contender left out after the first rounds does not win", "[unit]") {
    const Schedule start = toy::default_schedule();
    const auto verdict = decide({contender(start, 1000, 1), contender(start, 1000, 2), contender(kOther, 800, 3, 10),
                                 contender(kThird, 850, 4)},
                                {});
    REQUIRE(verdict);
    CHECK(verdict->winner == 3);
    CHECK(verdict->evidence["contenders"][2]["rounds"] == 10);
}

TEST_CASE("the final: a contender that fails its check never wins, and a failed default loses to one that works",
          "[unit]") {
    const Schedule start = toy::default_schedule();
    Contender wrong = contender(kOther, 100, 3);
    wrong.outcome = Outcome::failed(Status::wrong_result, "element 5");
    const auto kept = decide({contender(start, 1000, 1), contender(start, 1000, 2), wrong}, {});
    REQUIRE(kept);
    CHECK(kept->winner < 2);
    CHECK(kept->evidence["contenders"][2]["status"] == "wrong_result");

    Contender broken{start, Outcome::failed(Status::crashed, "signal 11")};
    const auto other = decide({broken, broken, contender(kThird, 2000, 4)}, {});
    REQUIRE(other);
    CHECK(other->winner == 2);
    CHECK_FALSE(decide({broken, broken, wrong}, {}));
}

TEST_CASE("the final: the selection has the winner's figures and the default's", "[unit]") {
    const Schedule start = toy::default_schedule();
    const std::vector<Contender> timed{contender(start, 1000, 1), contender(start, 1000, 2), contender(kOther, 800, 3)};
    const auto verdict = decide(timed, {});
    REQUIRE(verdict);
    const Selection selection = selection_of(timed, *verdict);
    CHECK(selection.schedule == kOther);
    CHECK(selection.median_ns < selection.default_ns);
    CHECK(selection.interval_ns.low <= selection.median_ns);
    CHECK(selection.interval_ns.high >= selection.median_ns);
}
