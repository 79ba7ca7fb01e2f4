// NaN, infinities, subnormal numbers and signed zeros: what docs/abi.md promises about them.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <string>

#include "codegen/host.h"
#include "schedules/operator.h"
#include "schedules/template.h"
#include "template_check.h"
#include "worker/test_data.h"

namespace tilesmith {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

using Floats = std::vector<float>;

std::vector<Floats> ones(const std::string& problem_text) {
    const Problem problem = parse_problem(problem_text);
    std::vector<Floats> inputs;
    for (const Argument& argument : operator_of(problem).arguments(problem))
        inputs.emplace_back(static_cast<size_t>(argument.elements()), 1.0F);
    inputs.pop_back();
    return inputs;
}

// One problem of few rows, one of many, one with packed weights.
std::string some_matmul() {
    return GENERATE("matmul m=3 n=40 k=50", "matmul m=30 n=40 k=50", "matmul m=30 n=40 k=50 weights=fixed",
                    "matmul m=30 n=40 k=50 tb=1");
}

TEST_CASE("special values: a NaN reaches the sums it is part of and no others", "[kernel]") {
    const std::string problem = some_matmul();
    CAPTURE(problem);
    std::vector<Floats> inputs = ones(problem);
    inputs[0][2 * 50 + 7] = kNan;  // row 2 of A
    const Floats c = output_of(problem, inputs);
    for (size_t i = 0; i < c.size(); ++i) {
        CAPTURE(i);
        CHECK(std::isnan(c[i]) == (i / 40 == 2));
    }
}

TEST_CASE("special values: infinities are summed as IEEE 754 says", "[kernel]") {
    const std::string problem = some_matmul();
    CAPTURE(problem);
    std::vector<Floats> inputs = ones(problem);
    inputs[0][0] = kInfinity;
    inputs[0][50] = kInfinity;
    inputs[0][51] = -kInfinity;
    const Floats c = output_of(problem, inputs);
    CHECK(c[0] == kInfinity);
    CHECK(std::isnan(c[40]));
    CHECK(c[80] == 50);
}

TEST_CASE("special values: subnormal numbers are not flushed to zero", "[kernel]") {
    const std::string problem = some_matmul();
    CAPTURE(problem);
    std::vector<Floats> inputs = ones(problem);
    constexpr float kSmallest = std::numeric_limits<float>::denorm_min();
    for (float& value : inputs[0]) value = kSmallest;
    for (const float value : output_of(problem, inputs)) CHECK(value == 50 * kSmallest);
}

TEST_CASE("special values: zeros of either sign make a zero", "[kernel]") {
    const std::string problem = some_matmul();
    std::vector<Floats> inputs = ones(problem);
    for (float& value : inputs[0]) value = -0.0F;
    for (const float value : output_of(problem, inputs)) CHECK(value == 0);
}

TEST_CASE("special values: outputs of a convolution that no tap of theirs connects with a NaN are numbers",
          "[kernel]") {
    const std::string problem =
        GENERATE("conv2d h=9 w=9 ci=8 co=16 kh=3 kw=3 pad=1", "conv2d h=9 w=9 ci=16 co=16 kh=3 kw=3 pad=1 groups=16");
    CAPTURE(problem);
    std::vector<Floats> inputs = ones(problem);
    const size_t channels = inputs[0].size() / 81;
    inputs[0][(4 * 9 + 4) * channels] = kNan;  // channel 0 of the pixel in the middle
    const Floats y = output_of(problem, inputs);
    for (size_t row = 0; row < 9; ++row)
        for (size_t column = 0; column < 9; ++column) {
            const bool reached = row >= 3 && row <= 5 && column >= 3 && column <= 5;
            CAPTURE(row, column);
            CHECK(std::isnan(y[(row * 9 + column) * 16]) == reached);
        }
}

// Where each output is a sum, or depends on one input: a problem of each template, and of each way to fuse an epilogue.
std::string some_sum() {
    return GENERATE("matmul b=3 m=9 n=13 k=7", "matmul m=4 n=24 k=200 tb=1", "matmul m=3 n=100 k=50",
                    "matmul m=20 n=24 k=2500", "matmul m=50 n=60 k=70 epilogue=scale,add",
                    "conv2d h=14 w=14 ci=32 co=32 kh=3 kw=3 pad=1 groups=32 epilogue=bias",
                    "conv2d h=11 w=9 ci=7 co=13 kh=3 kw=3 pad=1 stride=2 epilogue=bias,silu",
                    "conv1d w=40 ci=5 co=9 kw=3 pad=2 dilation=2", "conv3d d=4 h=5 w=6 ci=3 co=8 kd=3 kh=3 kw=3 pad=1",
                    "capsule_conv2d h=5 w=6 ci=3 co=4 kh=3 kw=3 capsule=4 pad=1",
                    "conv2d_transposed h=6 w=7 ci=8 co=16 kh=4 kw=4 stride=2 pad=1",
                    "conv2d_transposed h=6 w=7 ci=8 co=3 kh=4 kw=4 stride=2 pad=1",
                    "conv2d_transposed h=5 w=6 ci=8 co=16 kh=3 kw=5 stride=2 pad=1",
                    "avg_pool h=9 w=8 c=11 kh=3 kw=3 stride=2 pad=1", "avg_pool h=7 w=7 c=33 kh=7 kw=7",
                    "layer_norm rows=5 cols=31", "rms_norm rows=5 cols=31", "norm b=3 m=5 n=9",
                    "reduce_sum outer=10 reduced=300", "reduce_mean outer=2 reduced=49 kept=100",
                    "reduce_sum outer=2 reduced=3 kept=4 inner=5 kept2=40",
                    "reduce_mean reduced=3 kept=4 inner=5 kept2=6 inner2=70",
                    "elementwise rows=20 cols=31 epilogue=bias,silu", "transpose m=50 n=37");
}

// Whether it is a number, a NaN or which infinity.
int kind_of(float value) { return std::isnan(value) ? 2 : std::isinf(value) ? (value > 0 ? 1 : -1) : 0; }

TEST_CASE("special values: a NaN or an infinity shows in the outputs it belongs to, whatever the template and schedule",
          "[kernel]") {
    constexpr int kSchedules = 3;
    const float special = GENERATE(values<float>({kNan, kInfinity, -kInfinity}));
    const Problem problem = parse_problem(some_sum());
    CAPTURE(problem.text());
    const Target target = resolve_target("host", true, nullptr);
    std::vector<Floats> inputs = ones(problem.text());
    inputs[0][inputs[0].size() / 2] = special;
    const Floats expected = reference_output(problem, inputs);
    CAPTURE(special);
    REQUIRE(std::any_of(expected.begin(), expected.end(), [](float y) { return kind_of(y) != 0; }));
    Rng rng(20261126);
    for (const Template* t : templates_for(problem, target))
        for (int sample = 0; sample < (std::isnan(special) ? kSchedules : 1); ++sample) {
            const Schedule schedule = t->space(problem, target, Conditions{}).sample(rng).value();
            CAPTURE(schedule.text());
            const Floats y = output_of(problem, schedule, target, inputs);
            size_t wrong = 0;
            for (size_t i = 0; i < y.size(); ++i) wrong += kind_of(y[i]) == kind_of(expected[i]) ? 0 : 1;
            CHECK(wrong == 0);
        }
}

// Far outside what a network computes, where approximations by polynomials and exponents of two lose their meaning.
TEST_CASE("special values: an epilogue of any finite number or infinity is what it is in real arithmetic", "[kernel]") {
    const EpilogueInfo& info = epilogue_table()[GENERATE(range(size_t{0}, epilogue_table().size()))];
    if (info.tensor != EpilogueTensor::none) return;
    const Problem problem = parse_problem("elementwise rows=1 cols=33 epilogue=" + std::string(info.name));
    Floats x;
    for (const float magnitude : {0.0F, 1e-40F, 1e-3F, 0.6F, 0.7F, 5.0F, 20.0F, 87.0F, 89.0F, 104.0F, 3e3F, 1.4e9F,
                                  2e9F, 3e18F, 3e38F, kInfinity})
        for (const float sign : {1.0F, -1.0F}) x.push_back(sign * magnitude);
    x.push_back(1.0F);
    const Floats expected = reference_output(problem, {x});
    const Floats y = output_of(problem.text(), {x});
    for (size_t i = 0; i < x.size(); ++i) {
        CAPTURE(info.name, x[i], expected[i], y[i]);
        const bool same = y[i] == expected[i] || (std::isnan(y[i]) && std::isnan(expected[i]));
        CHECK((same || std::abs(y[i] - expected[i]) <= 2e-6F * (1 + std::abs(expected[i]))));
    }
}

TEST_CASE("special values: gelu of a NaN is NaN, and 0 of numbers far below", "[kernel]") {
    const Floats y = output_of("elementwise rows=1 cols=4 epilogue=gelu", {{kNan, -kInfinity, -7, -1e30F}});
    CHECK(std::isnan(y[0]));
    CHECK(y[1] == 0);
    CHECK(y[2] == 0);
    CHECK(y[3] == 0);
}

TEST_CASE("special values: softmax of large numbers does not overflow", "[kernel]") {
    Floats x(64, -3e38F);
    x[5] = 3e38F;
    const Floats y = output_of("softmax rows=1 cols=64", {x});
    CHECK(y[5] == 1);
    CHECK(y[6] == 0);
}

}  // namespace
}  // namespace tilesmith
