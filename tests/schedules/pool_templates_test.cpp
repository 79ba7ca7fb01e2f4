// The template of the poolings, on shapes that divide nothing: what its schedules compute is what the naive loops
// compute, and nothing is touched outside the arguments.
#include <catch2/catch.hpp>
#include <string>

#include "template_check.h"

namespace tilesmith {
namespace {

std::string fault(const std::string& problem, int threads = 1) {
    Conditions conditions;
    conditions.threads = threads;
    return first_fault(problem, "window", 3, conditions, 20261102);
}

TEST_CASE("window: schedules compute the pooling, whatever the shape", "[kernel]") {
    const std::string op = GENERATE("max_pool", "avg_pool");
    const std::string shape =
        GENERATE(" h=1 w=1 c=1 kh=1 kw=1", " h=7 w=9 c=5 kh=3 kw=3 pad=1", " h=11 w=10 c=8 kh=2 kw=2 stride=2",
                 " n=2 h=13 w=12 c=33 kh=3 kw=3 stride=2 pad=1", " h=6 w=7 c=64 kh=6 kw=7",
                 " h=9 w=5 c=17 kh=4 kw=2 stride_h=3 pad_h=2 pad_h_end=3 pad_w=1 pad_w_end=0",
                 " h=2 w=2 c=20 kh=3 kw=3 pad=2", " h=40 w=40 c=3 kh=5 kw=5 stride=3 pad=2");
    CHECK(fault(op + shape) == "");
}

TEST_CASE("window: a mean over padding that counts divides by the whole window", "[kernel]") {
    CHECK(fault("avg_pool h=7 w=9 c=12 kh=3 kw=2 pad=1 include_pad=1") == "");
}

TEST_CASE("window: loops over threads change no result", "[kernel]") {
    CHECK(fault("max_pool n=2 h=13 w=12 c=33 kh=3 kw=3 stride=2 pad=1", 2) == "");
    CHECK(fault("avg_pool n=1 h=7 w=7 c=200 kh=7 kw=7", 2) == "");
}

TEST_CASE("window: outputs that are stored past the caches are the same", "[kernel]") {
    const auto* const text = GENERATE("max_pool n=2 h=13 w=12 c=33 kh=3 kw=3 stride=2 pad=1",
                                      "avg_pool h=6 w=7 c=64 kh=3 kw=3 pad=1", "max_pool h=5 w=5 c=3 kh=2 kw=2");
    CHECK(first_streaming_fault(text, "window") == "");
}

}  // namespace
}  // namespace tilesmith
