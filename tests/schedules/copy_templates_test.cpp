// The templates that reduce nothing, of elementwise and transpose, on shapes that divide nothing: what their schedules
// compute is what the naive loops compute, and nothing is touched outside the arguments.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <string>
#include <vector>

#include "template_check.h"
#include "worker/test_data.h"

namespace tilesmith {
namespace {

std::string fault(const std::string& problem, const std::string& template_name, int threads = 1) {
    Conditions conditions;
    conditions.threads = threads;
    return first_fault(problem, template_name, 3, conditions, 20261104);
}

TEST_CASE("chain: schedules compute the epilogue, whatever the shape", "[kernel]") {
    const std::string chain = GENERATE("none", "relu", "bias,relu6", "add,scale,silu");
    const std::string shape = GENERATE("rows=1 cols=1", "rows=3 cols=2", "rows=5 cols=7", "rows=1 cols=8",
                                       "rows=13 cols=31", "rows=6 cols=771", "rows=1 cols=20011");
    CHECK(fault("elementwise " + shape + " epilogue=" + chain, "chain") == "");
}

TEST_CASE("chain: every operation means what it means after a matmul", "[kernel]") {
    for (const EpilogueInfo& info : epilogue_table())
        CHECK(fault("elementwise rows=5 cols=33 epilogue=" + std::string(info.name), "chain") == "");
}

TEST_CASE("chain: loops over threads change no result", "[kernel]") {
    CHECK(fault("elementwise rows=1 cols=5", "chain", 2) == "");
    CHECK(fault("elementwise rows=301 cols=67 epilogue=add,relu", "chain", 2) == "");
    CHECK(fault("elementwise rows=301 cols=67 epilogue=bias,relu", "chain", 2) == "");
    CHECK(fault("elementwise rows=2 cols=20011 epilogue=scale", "chain", 2) == "");
    CHECK(fault("elementwise rows=4001 cols=3 epilogue=bias", "chain", 2) == "");
}

TEST_CASE("tiles: schedules transpose single elements, whatever the shape", "[kernel]") {
    const auto* const shape =
        GENERATE("m=1 n=1", "m=1 n=9", "m=13 n=1", "m=2 n=3", "m=3 n=101", "m=101 n=3", "m=4 n=4", "m=5 n=7", "m=8 n=8",
                 "m=9 n=8", "m=31 n=17", "b=3 m=33 n=65", "m=200 n=131", "b=2 m=3 n=50", "b=5 m=2 n=2");
    CHECK(fault(std::string("transpose ") + shape, "tiles") == "");
}

TEST_CASE("tiles: schedules transpose runs, whatever their length", "[kernel]") {
    const auto* const shape = GENERATE("m=2 n=3 c=2", "m=5 n=7 c=3", "b=2 m=13 n=9 c=8", "m=70 n=3 c=13",
                                       "b=3 m=4 n=5 c=64", "m=2 n=2 c=1003");
    CHECK(fault(std::string("transpose ") + shape, "tiles") == "");
}

TEST_CASE("tiles: loops over threads change no result", "[kernel]") {
    CHECK(fault("transpose m=1 n=1", "tiles", 2) == "");
    CHECK(fault("transpose m=131 n=200", "tiles", 2) == "");
    CHECK(fault("transpose b=4001 m=3 n=5", "tiles", 2) == "");
    CHECK(fault("transpose b=2 m=3 n=5003", "tiles", 2) == "");
    CHECK(fault("transpose b=2 m=33 n=12 c=17", "tiles", 2) == "");
}

TEST_CASE("chain: what an epilogue approximates is within a millionth of its argument", "[kernel]") {
    const EpilogueInfo& info = epilogue_table()[GENERATE(range(size_t{0}, epilogue_table().size()))];
    if (info.exact) return;
    const std::string problem = "elementwise rows=1 cols=24001 epilogue=" + std::string(info.name);
    std::vector<float> x(24001);
    for (size_t i = 0; i < x.size(); ++i) x[i] = (static_cast<float>(i) - 12000) / 1000;
    const std::vector<float> expected = reference_output(parse_problem(problem), {x});
    const std::vector<float> y = output_of(problem, {x});
    size_t wrong = 0;
    float worst = 0;
    for (size_t i = 0; i < x.size(); ++i) {
        const float error = std::abs(y[i] - expected[i]);
        worst = std::max(worst, error);
        wrong += error <= 1e-6F * std::abs(x[i]) + 0x1p-23F * std::abs(expected[i]) ? 0 : 1;
    }
    CAPTURE(info.name, worst);
    CHECK(wrong == 0);
    if (info.op == EpilogueOp::gelu) CHECK(worst <= 1.1e-6F);
}

TEST_CASE("chain: outputs that are stored past the caches are the same", "[kernel]") {
    const auto* const text =
        GENERATE("elementwise rows=5 cols=7", "elementwise rows=13 cols=31 epilogue=bias,relu",
                 "elementwise rows=6 cols=771 epilogue=gelu", "elementwise rows=1 cols=20011 epilogue=add,scale",
                 "elementwise rows=301 cols=68 epilogue=bias");
    CHECK(first_streaming_fault(text, "chain") == "");
}

TEST_CASE("tiles: outputs that are stored past the caches are the same", "[kernel]") {
    const auto* const text = GENERATE("transpose m=5 n=7", "transpose m=3 n=101", "transpose b=3 m=33 n=65",
                                      "transpose m=128 n=96", "transpose m=4 n=4", "transpose b=2 m=61 n=300",
                                      "transpose b=2 m=13 n=9 c=8", "transpose b=3 m=4 n=5 c=67");
    CHECK(first_streaming_fault(text, "tiles") == "");
}

}  // namespace
}  // namespace tilesmith
