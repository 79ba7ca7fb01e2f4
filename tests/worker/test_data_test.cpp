#include "worker/test_data.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "schedules/operator.h"

using namespace tilesmith;

namespace {

// The same matmul summed backwards in four interleaved parts: another order than the reference's.
std::vector<float> other_order(const Problem& problem, const std::vector<std::vector<float>>& inputs) {
    const auto m = static_cast<size_t>(problem["m"]);
    const auto n = static_cast<size_t>(problem["n"]);
    const auto k = static_cast<size_t>(problem["k"]);
    std::vector<float> output(m * n);
    for (size_t i = 0; i < m; ++i)
        for (size_t j = 0; j < n; ++j) {
            float parts[4] = {};
            for (size_t r = k; r-- > 0;) parts[r % 4] += inputs[0][i * k + r] * inputs[1][r * n + j];
            output[i * n + j] = (parts[0] + parts[1]) + (parts[2] + parts[3]);
        }
    return output;
}

}  // namespace

TEST_CASE("test data: whole numbers give the same sums in any order", "[unit]") {
    for (const char* text : {"matmul m=3 n=5 k=1", "matmul m=8 n=9 k=1000", "matmul m=2 n=3 k=200000"}) {
        const Problem problem = parse_problem(text);
        const auto inputs = make_inputs(problem, 7, Values::integers);
        CHECK(tolerance(problem, Values::integers).absolute == 0);
        CHECK_FALSE(difference(problem, reference_output(problem, inputs), other_order(problem, inputs), {}));
    }
}

TEST_CASE("test data: rounding in another order stays within the tolerance, a lost product does not", "[unit]") {
    for (const char* text : {"matmul m=16 n=16 k=3", "matmul m=16 n=16 k=512", "matmul m=8 n=8 k=2000"}) {
        const Problem problem = parse_problem(text);
        auto inputs = make_inputs(problem, 7, Values::reals);
        const auto expected = reference_output(problem, inputs);
        const Tolerance allowed = tolerance(problem, Values::reals);
        INFO(text << ": " << allowed.absolute);
        CHECK(allowed.absolute > 0);
        CHECK_FALSE(difference(problem, expected, other_order(problem, inputs), allowed));
        inputs[0][1] = 0;
        CHECK(difference(problem, expected, other_order(problem, inputs), allowed));
    }
}

TEST_CASE("test data: relu6 does not saturate everything", "[unit]") {
    for (const char* text : {"matmul m=32 n=32 k=512 epilogue=relu6", "matmul m=32 n=32 k=7 epilogue=bias,relu6",
                             "conv2d n=1 h=14 w=14 ci=64 co=32 kh=3 kw=3 pad=1 epilogue=scale,bias,relu6"}) {
        const Problem problem = parse_problem(text);
        for (const Values values : {Values::integers, Values::reals}) {
            const auto output = reference_output(problem, make_inputs(problem, 3, values));
            const auto inside = std::count_if(output.begin(), output.end(), [](float y) { return y > 0 && y < 6; });
            INFO(text << " " << values_name(values));
            CHECK(static_cast<double>(inside) > 0.2 * static_cast<double>(output.size()));
        }
    }
}

TEST_CASE("test data: the same seed gives the same data, another one other data", "[unit]") {
    const Problem problem = parse_problem("matmul m=4 n=4 k=64 epilogue=bias");
    CHECK(make_inputs(problem, 1, Values::reals) == make_inputs(problem, 1, Values::reals));
    CHECK(make_inputs(problem, 1, Values::reals) != make_inputs(problem, 2, Values::reals));
    CHECK(make_inputs(problem, 1, Values::reals).size() == 3);
}

TEST_CASE("test data: a difference names the first wrong element and how many there are", "[unit]") {
    const Problem problem = parse_problem("matmul m=2 n=3 k=1");
    const std::vector<float> expected{1, 2, 3, 4, 5, 0};
    std::vector<float> got{1, 2, 3, 4, 5, -0.0F};
    CHECK_FALSE(difference(problem, expected, got, {}));
    got[4] = 7;
    got[5] = std::nanf("");
    const auto text = difference(problem, expected, got, {});
    REQUIRE(text);
    CHECK(text->find("[1,1] is 7, expected 5; 2 of 6 elements are wrong (1 of them") != std::string::npos);
    CHECK_FALSE(
        difference(problem, {expected.data(), 5}, {std::vector<float>{1, 2, 3, 4, 7}.data(), 5}, {.absolute = 2.5}));
}

TEST_CASE("test data: a row operator that leaves out one column is out of tolerance, one in float is not", "[unit]") {
    const std::string op = GENERATE("softmax", "layer_norm", "rms_norm");
    const int64_t cols = GENERATE(2, 33, 600);
    const Problem problem = parse_problem(op + " rows=20 cols=" + std::to_string(cols));
    const Problem shorter = parse_problem(op + " rows=1 cols=" + std::to_string(cols - 1));
    const auto inputs = make_inputs(problem, 11, Values::reals);
    const std::vector<float> expected = reference_output(problem, inputs);
    const Tolerance allowed = tolerance(problem, Values::reals);
    INFO(problem.text());
    CHECK_FALSE(difference(problem, expected, expected, allowed));
    std::vector<float> nudged = expected;
    for (float& value : nudged) value = std::nextafter(value, 1e9F);
    CHECK_FALSE(difference(problem, expected, nudged, allowed));

    std::vector<float> wrong = expected;
    for (int64_t row = 0; row < 20; ++row) {
        std::vector<std::vector<float>> part = inputs;
        part[0] = {inputs[0].begin() + row * cols, inputs[0].begin() + (row + 1) * cols - 1};
        for (size_t i = 1; i < part.size(); ++i) part[i].pop_back();
        const std::vector<float> output = reference_output(shorter, part);
        std::copy(output.begin(), output.end(), wrong.begin() + row * cols);
    }
    CHECK(difference(problem, expected, wrong, allowed));
}

TEST_CASE("test data: a reduction that leaves out one element is out of tolerance, one in float is not", "[unit]") {
    const std::string op = GENERATE("reduce_sum", "reduce_mean");
    const int64_t count = GENERATE(2, 33, 600);
    const Problem problem = parse_problem(op + " outer=20 reduced=" + std::to_string(count));
    auto inputs = make_inputs(problem, 13, Values::reals);
    const std::vector<float> expected = reference_output(problem, inputs);
    const Tolerance allowed = tolerance(problem, Values::reals);
    std::vector<float> in_float;
    for (int64_t row = 0; row < 20; ++row) {
        float sum = 0;
        for (int64_t i = 0; i < count; ++i) sum += inputs[0][static_cast<size_t>(row * count + i)];
        in_float.push_back(op == "reduce_sum" ? sum : sum / static_cast<float>(count));
    }
    INFO(problem.text() << ": " << allowed.absolute);
    CHECK_FALSE(difference(problem, expected, in_float, allowed));
    inputs[0][1] = 0;
    CHECK(difference(problem, expected, reference_output(problem, inputs), allowed));
}
