// NaN, infinities, subnormal numbers and signed zeros: what docs/abi.md promises about them.
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <string>

#include "schedules/operator.h"
#include "template_check.h"

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

TEST_CASE("special values: softmax of large numbers does not overflow", "[kernel]") {
    Floats x(64, -3e38F);
    x[5] = 3e38F;
    const Floats y = output_of("softmax rows=1 cols=64", {x});
    CHECK(y[5] == 1);
    CHECK(y[6] == 0);
}

}  // namespace
}  // namespace tilesmith
