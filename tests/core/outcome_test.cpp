#include "core/outcome.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "core/rng.h"

using namespace tilesmith;

TEST_CASE("outcome: every status has a name that leads back to it", "[unit]") {
    for (int i = 0; i <= static_cast<int>(Status::run_failed); ++i) {
        const auto status = static_cast<Status>(i);
        CHECK(status_named(status_name(status)) == status);
    }
    CHECK_FALSE(status_named("fine").has_value());
}

TEST_CASE("outcome: a failure has its reason and no samples", "[unit]") {
    const Outcome outcome = Outcome::failed(Status::crashed, "signal 11");
    CHECK_FALSE(outcome.ok());
    CHECK(outcome.reason == "signal 11");
    CHECK(outcome.samples_ns.empty());
}

TEST_CASE("outcome: the median is the middle value, or the mean of the middle two", "[unit]") {
    CHECK(median({3}) == 3);
    CHECK(median({5, 1, 3}) == 3);
    CHECK(median({4, 1, 3, 2}) == 2.5);
    CHECK(median({7, 7, 7, 1000}) == 7);
}

TEST_CASE("outcome: the interval of the median follows the order statistics", "[unit]") {
    // Ranks of the 95% interval: floor(n/2 - 0.98 sqrt(n)) and its mirror image.
    const auto [n, low, high] = GENERATE(table<int, double, double>({
        {1, 1, 1},
        {5, 1, 5},
        {10, 1, 10},
        {20, 5, 16},
        {30, 9, 22},
        {100, 40, 61},
    }));
    CAPTURE(n);
    std::vector<double> values;
    for (int i = n; i >= 1; --i) values.push_back(i);
    const Interval interval = median_interval(values);
    CHECK(interval.low == low);
    CHECK(interval.high == high);
}

TEST_CASE("outcome: the interval holds the true median in about 95 of 100 samples", "[unit]") {
    Rng rng(11);
    int inside = 0;
    constexpr int kRounds = 2000;
    for (int round = 0; round < kRounds; ++round) {
        std::vector<double> values(25);
        for (double& value : values) value = rng.uniform();
        const Interval interval = median_interval(values);
        if (interval.low <= 0.5 && 0.5 <= interval.high) ++inside;
    }
    CHECK(inside > kRounds * 0.93);
    CHECK(inside < kRounds * 0.99);
}
