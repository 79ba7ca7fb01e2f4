#include "core/rng.h"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace tilesmith;

TEST_CASE("rng: the stream of a seed never changes", "[unit]") {
    Rng rng(42);
    const std::vector<uint64_t> expected = {0x15780b2e0c2ec716U, 0x6104d9866d113a7eU, 0xae17533239e499a1U,
                                            0xecb8ad4703b360a1U};
    for (const uint64_t value : expected) CHECK(rng.next() == value);
}

TEST_CASE("rng: equal seeds give equal streams, others give others", "[unit]") {
    Rng a(7);
    Rng b(7);
    Rng c(8);
    for (int i = 0; i < 100; ++i) {
        const uint64_t value = a.next();
        CHECK(value == b.next());
        CHECK(value != c.next());
    }
}

TEST_CASE("rng: below() covers its range evenly and never leaves it", "[unit]") {
    Rng rng(1);
    std::vector<int> hits(7);
    for (int i = 0; i < 70'000; ++i) {
        const uint64_t value = rng.below(hits.size());
        REQUIRE(value < hits.size());
        ++hits[value];
    }
    for (const int count : hits) CHECK(std::abs(count - 10'000) < 500);  // five standard deviations
    CHECK(rng.below(1) == 0);
}

TEST_CASE("rng: uniform() stays at or above 0 and below 1", "[unit]") {
    Rng rng(3);
    double sum = 0;
    for (int i = 0; i < 10'000; ++i) {
        const double value = rng.uniform();
        REQUIRE(value >= 0);
        REQUIRE(value < 1);
        sum += value;
    }
    CHECK(sum / 10'000 == Approx(0.5).margin(0.02));
}

TEST_CASE("rng: shuffling keeps every item and pick() returns one of them", "[unit]") {
    Rng rng(5);
    std::vector<int> items{1, 2, 3, 4, 5, 6, 7, 8};
    const std::vector<int> before = items;
    rng.shuffle(items);
    CHECK(items != before);
    CHECK(std::find(before.begin(), before.end(), rng.pick(items)) != before.end());
    std::sort(items.begin(), items.end());
    CHECK(items == before);
}
