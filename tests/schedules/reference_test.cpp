// The references judge every kernel, so they are judged here: by hand-computed cases and by an even plainer
// computation.
#include "schedules/reference/reference.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <string>

#include "core/rng.h"
#include "schedules/operator.h"

using namespace tilesmith;

namespace {

using Floats = std::vector<float>;

Floats run(const std::string& text, const std::vector<Floats>& inputs) {
    const Problem problem = parse_problem(text);
    const Operator& op = operator_of(problem);
    const std::vector<Argument> arguments = op.arguments(problem);
    REQUIRE(inputs.size() + 1 == arguments.size());
    std::vector<const float*> pointers;
    for (size_t i = 0; i < inputs.size(); ++i) {
        REQUIRE(static_cast<int64_t>(inputs[i].size()) == arguments[i].elements());
        pointers.push_back(inputs[i].data());
    }
    Floats output(static_cast<size_t>(arguments.back().elements()), -999.0F);
    op.reference(problem, pointers, output.data());
    return output;
}

Floats whole_numbers(int64_t count, Rng& rng) {
    Floats values(static_cast<size_t>(count));
    for (float& value : values) value = static_cast<float>(rng.below(9)) - 4;
    return values;
}

// One output element straight from the definition, in the order of nothing in particular.
double conv_element(const ConvShape& s, const Floats& x, const Floats& w, int64_t n, int64_t oy, int64_t ox,
                    int64_t co) {
    double sum = 0;
    const int64_t group = co / s.group_co();
    for (int64_t c = 0; c < s.group_ci(); ++c)
        for (int64_t ky = 0; ky < s.kh; ++ky)
            for (int64_t kx = 0; kx < s.kw; ++kx) {
                const int64_t y = oy * s.stride_h + ky * s.dilation_h - s.pad_h;
                const int64_t col = ox * s.stride_w + kx * s.dilation_w - s.pad_w;
                if (y < 0 || y >= s.h || col < 0 || col >= s.w) continue;
                const int64_t from = ((n * s.h + y) * s.w + col) * s.ci + group * s.group_ci() + c;
                const int64_t by = ((ky * s.kw + kx) * s.group_ci() + c) * s.co + co;
                sum +=
                    static_cast<double>(x[static_cast<size_t>(from)]) * static_cast<double>(w[static_cast<size_t>(by)]);
            }
    return sum;
}

const Floats kA{1, 2, 3, 4, 5, 6};               // [2,3]
const Floats kATransposed{1, 4, 2, 5, 3, 6};     // [3,2]
const Floats kB{7, 8, 9, 10, 11, 12};            // [3,2]
const Floats kBTransposed{7, 9, 11, 8, 10, 12};  // [2,3]
const Floats kC{58, 64, 139, 154};               // [2,2]

}  // namespace

TEST_CASE("reference: matmul multiplies rows by columns in all four storage orders", "[unit]") {
    CHECK(run("matmul m=2 n=2 k=3", {kA, kB}) == kC);
    CHECK(run("matmul m=2 n=2 k=3 ta=1", {kATransposed, kB}) == kC);
    CHECK(run("matmul m=2 n=2 k=3 tb=1", {kA, kBTransposed}) == kC);
    CHECK(run("matmul m=2 n=2 k=3 ta=1 tb=1", {kATransposed, kBTransposed}) == kC);
}

TEST_CASE("reference: each matrix of a batch is multiplied on its own", "[unit]") {
    const Floats a{1, 2, 3, 4};
    const Floats b{10, 100, 1000, 10000};
    CHECK(run("matmul b=2 m=1 n=2 k=1", {{2, 3}, b}) == Floats{20, 200, 3000, 30000});
    CHECK(run("matmul b=2 m=1 n=1 k=2 ta=1 tb=1", {a, b}) == Floats{210, 43000});
}

TEST_CASE("reference: epilogue operations are applied in the written order", "[unit]") {
    const Floats bias{-60, 1};
    const Floats scale{2, -1};
    const Floats other{1, 2, 3, 4};
    CHECK(run("matmul m=2 n=2 k=3 epilogue=bias", {kA, kB, bias}) == Floats{-2, 65, 79, 155});
    CHECK(run("matmul m=2 n=2 k=3 epilogue=bias,relu", {kA, kB, bias}) == Floats{0, 65, 79, 155});
    CHECK(run("matmul m=2 n=2 k=3 epilogue=relu,bias", {kA, kB, bias}) == Floats{-2, 65, 79, 155});
    CHECK(run("matmul m=2 n=2 k=3 epilogue=bias,relu6", {kA, kB, bias}) == Floats{0, 6, 6, 6});
    CHECK(run("matmul m=2 n=2 k=3 epilogue=add", {kA, kB, other}) == Floats{59, 66, 142, 158});
    CHECK(run("matmul m=2 n=2 k=3 epilogue=scale,add", {kA, kB, scale, other}) == Floats{117, -62, 281, -150});
    CHECK(run("matmul m=2 n=2 k=3 epilogue=add,scale", {kA, kB, other, scale}) == Floats{118, -66, 284, -158});
    CHECK(run("matmul b=2 m=1 n=1 k=1 epilogue=add", {{2, 3}, {5, 7}, {100, 200}}) == Floats{110, 221});
}

TEST_CASE("reference: gelu is the one with the error function", "[unit]") {
    const Floats y = run("matmul m=3 n=1 k=1 epilogue=gelu", {{-1, 0, 2}, {1}});
    CHECK(y[0] == Approx(-0.15865525));
    CHECK(y[1] == 0);
    CHECK(y[2] == Approx(1.9544997));
}

TEST_CASE("reference: gelu_tanh, sigmoid, tanh and silu are what their names say", "[unit]") {
    const auto [op, expected] = GENERATE(table<std::string, Floats>({
        {"gelu_tanh", {-0.15880801F, 0, 1.9545977F}},
        {"sigmoid", {0.26894142F, 0.5F, 0.88079708F}},
        {"tanh", {-0.76159416F, 0, 0.96402758F}},
        {"silu", {-0.26894142F, 0, 1.7615942F}},
    }));
    const Floats y = run("matmul m=3 n=1 k=1 epilogue=" + op, {{-1, 0, 2}, {1}});
    CAPTURE(op);
    for (size_t i = 0; i < 3; ++i) CHECK(y[i] == Approx(expected[i]));
}

TEST_CASE("reference: conv1d slides, pads, strides and dilates", "[unit]") {
    const auto [pairs, expected] = GENERATE(table<std::string, Floats>({
        {"", {321, 432, 543}},
        {"pad=1", {210, 321, 432, 543, 54}},
        {"pad=1 stride=2", {210, 432, 54}},
        {"pad=1 pad_w_end=0", {210, 321, 432, 543}},
        {"pad_w_end=2", {321, 432, 543, 54, 5}},
        {"pad=3 stride=5", {0, 543}},
        {"dilation=2", {531}},
        {"dilation=2 pad=2", {310, 420, 531, 42, 53}},
    }));
    CAPTURE(pairs);
    CHECK(run("conv1d w=5 ci=1 co=1 kw=3 " + pairs, {{1, 2, 3, 4, 5}, {1, 10, 100}}) == expected);
}

TEST_CASE("reference: conv2d sums over both kernel axes", "[unit]") {
    const Floats x{1, 2, 3, 4, 5, 6, 7, 8, 9};
    CHECK(run("conv2d h=3 w=3 ci=1 co=1 kh=2 kw=2", {x, {1, 10, 100, 1000}}) == Floats{5421, 6532, 8754, 9865});
    CHECK(run("conv2d h=3 w=3 ci=1 co=1 kh=1 kw=3 stride_h=2 pad_w=1", {x, {1, 10, 100}}) ==
          Floats{210, 321, 32, 870, 987, 98});
}

TEST_CASE("reference: groups keep their channels apart", "[unit]") {
    // Two pixels of four channels; each group of two inputs makes two outputs.
    const Floats x{1, 2, 3, 4, 5, 6, 7, 8};
    const Floats w{1, 10, 100, 1000, 2, 20, 200, 2000};  // [1,1,2,4]
    CHECK(run("conv2d h=1 w=2 ci=4 co=4 kh=1 kw=1 groups=2", {x, w}) ==
          Floats{5, 50, 1100, 11000, 17, 170, 2300, 23000});
    CHECK(run("conv2d h=1 w=2 ci=4 co=4 kh=1 kw=1 groups=4", {x, {1, 10, 100, 1000}}) ==
          Floats{1, 20, 300, 4000, 5, 60, 700, 8000});
    // One input channel a group, two output channels.
    CHECK(run("conv2d h=1 w=1 ci=2 co=4 kh=1 kw=1 groups=2", {{3, 5}, {1, 10, 100, 1000}}) == Floats{3, 30, 500, 5000});
}

TEST_CASE("reference: random convolutions agree with the definition", "[unit]") {
    Rng rng(17);
    const auto number = [&rng](int64_t least, int64_t most) {
        return least + static_cast<int64_t>(rng.below(static_cast<uint64_t>(most - least + 1)));
    };
    const auto pair = [](const char* name, int64_t value) { return fmt::format(" {}={}", name, value); };
    for (int round = 0; round < 200; ++round) {
        const int64_t groups = number(1, 3);
        std::string text = "conv2d" + pair("n", number(1, 2)) + pair("h", number(5, 9)) + pair("w", number(5, 9));
        text += pair("ci", groups * number(1, 3)) + pair("co", groups * number(1, 3));
        text += pair("kh", number(1, 3)) + pair("kw", number(1, 3)) + pair("groups", groups);
        text += pair("stride_h", number(1, 3)) + pair("stride_w", number(1, 3));
        text += pair("dilation_h", number(1, 2)) + pair("dilation_w", number(1, 2));
        text += pair("pad_h", number(0, 2)) + pair("pad_w", number(0, 2)) + pair("pad_w_end", number(0, 2));
        CAPTURE(text);
        const Problem problem = parse_problem(text);
        const ConvShape s = conv_shape(problem);
        const std::vector<Argument> arguments = operator_of(problem).arguments(problem);
        const Floats x = whole_numbers(arguments[0].elements(), rng);
        const Floats w = whole_numbers(arguments[1].elements(), rng);
        const Floats y = run(text, {x, w});
        Floats expected;
        for (int64_t n = 0; n < s.n; ++n)
            for (int64_t oy = 0; oy < s.oh; ++oy)
                for (int64_t ox = 0; ox < s.ow; ++ox)
                    for (int64_t co = 0; co < s.co; ++co)
                        expected.push_back(static_cast<float>(conv_element(s, x, w, n, oy, ox, co)));
        REQUIRE(y == expected);
    }
}

TEST_CASE("reference: conv1d is conv2d of height one, and a 1x1 convolution is a matmul over pixels", "[unit]") {
    Rng rng(3);
    const Floats x = whole_numbers(12 * 4, rng);
    const Floats w = whole_numbers(3 * 2 * 6, rng);
    CHECK(run("conv1d w=12 ci=4 co=6 kw=3 groups=2 stride=2 pad=2 dilation=2", {x, w}) ==
          run("conv2d h=1 w=12 ci=4 co=6 kh=1 kw=3 groups=2 stride_w=2 pad_w=2 dilation_w=2", {x, w}));
    const Floats u = whole_numbers(4 * 6, rng);
    CHECK(run("conv2d h=3 w=4 ci=4 co=6 kh=1 kw=1", {x, u}) == run("matmul m=12 n=6 k=4", {x, u}));
}

TEST_CASE("reference: conv3d of single pixels is conv1d along depth, and of single planes conv2d", "[unit]") {
    Rng rng(5);
    const Floats x = whole_numbers(2 * 12 * 4, rng);
    const Floats w = whole_numbers(3 * 2 * 6, rng);
    CHECK(run("conv3d n=2 d=12 h=1 w=1 ci=4 co=6 kd=3 kh=1 kw=1 groups=2 stride_d=2 pad_d=2 dilation_d=2", {x, w}) ==
          run("conv1d n=2 w=12 ci=4 co=6 kw=3 groups=2 stride=2 pad=2 dilation=2", {x, w}));
    const Floats u = whole_numbers(2 * 3 * 4 * 6, rng);
    CHECK(run("conv3d n=2 d=1 h=3 w=4 ci=4 co=6 kd=1 kh=2 kw=3 pad_w=1", {x, u}) ==
          run("conv2d n=2 h=3 w=4 ci=4 co=6 kh=2 kw=3 pad_w=1", {x, u}));
}

TEST_CASE("reference: conv3d sums over all three kernel axes", "[unit]") {
    const Floats x{1, 2, 3, 4, 5, 6, 7, 8};  // 2 x 2 x 2
    const Floats w{1, 2, 4, 8, 16, 32, 64, 128};
    CHECK(run("conv3d d=2 h=2 w=2 ci=1 co=1 kd=2 kh=2 kw=2", {x, w}) == Floats{1793});
    CHECK(run("conv3d d=2 h=2 w=2 ci=1 co=1 kd=2 kh=1 kw=1 pad_d_end=1", {x, {1, 10}}) ==
          Floats{51, 62, 73, 84, 5, 6, 7, 8});
}

TEST_CASE("reference: a capsule convolution multiplies matrices of capsules", "[unit]") {
    // One pixel and one tap: [[1,2],[3,4]] times [[5,6],[7,8]].
    CHECK(run("capsule_conv2d h=1 w=1 ci=1 co=1 kh=1 kw=1 capsule=2", {{1, 2, 3, 4}, {5, 6, 7, 8}}) ==
          Floats{19, 22, 43, 50});
    // Every number of the matrix has a bias of its own.
    CHECK(run("capsule_conv2d h=1 w=1 ci=1 co=1 kh=1 kw=1 capsule=2 epilogue=bias",
              {{1, 2, 3, 4}, {5, 6, 7, 8}, {100, 200, 300, 400}}) == Floats{119, 222, 343, 450});
    // Two channels in, two out: the middle axes of the weights are those of the matrices.
    CHECK(run("capsule_conv2d h=1 w=1 ci=2 co=2 kh=1 kw=1 capsule=1", {{1, 10}, {2, 3, 4, 5}}) == Floats{42, 53});
    // A matrix of one capsule is a pixel.
    Rng rng(5);
    const Floats x = whole_numbers(int64_t{5} * 4 * 3, rng);
    const Floats w = whole_numbers(int64_t{3} * 3 * 3 * 2, rng);
    CHECK(run("capsule_conv2d h=5 w=4 ci=3 co=2 kh=3 kw=3 capsule=1 stride=2 pad=1", {x, w}) ==
          run("conv2d h=5 w=4 ci=3 co=2 kh=3 kw=3 stride=2 pad=1", {x, w}));
}

TEST_CASE("reference: a transposed convolution spreads each pixel over the outputs it reaches", "[unit]") {
    // Without padding, 2 pixels 2 apart, a kernel of 3: 1*w at 0, 2*w at 2.
    CHECK(run("conv2d_transposed h=1 w=2 ci=1 co=1 kh=1 kw=3 stride_w=2", {{1, 2}, {1, 10, 100}}) ==
          Floats{1, 10, 102, 20, 200});
    CHECK(run("conv2d_transposed h=1 w=2 ci=1 co=1 kh=1 kw=3 stride_w=2 pad_w=1", {{1, 2}, {1, 10, 100}}) ==
          Floats{10, 102, 20});
    CHECK(run("conv2d_transposed h=2 w=1 ci=2 co=1 kh=2 kw=1", {{1, 2, 3, 4}, {1, 10, 100, 1000}}) ==
          Floats{21, 2143, 4300});
}

TEST_CASE("softmax: a row's exponentials over their sum, also where exponentials overflow", "[unit]") {
    const Floats y = run("softmax rows=2 cols=3", {{0, std::log(2.0F), std::log(5.0F), 1000, 1000, -1000}});
    const Floats expected{0.125F, 0.25F, 0.625F, 0.5F, 0.5F, 0.0F};
    for (size_t i = 0; i < y.size(); ++i) CHECK(y[i] == Approx(expected[i]));
}

TEST_CASE("layer_norm: deviations over their root mean square, scaled and shifted", "[unit]") {
    const Floats y = run("layer_norm rows=1 cols=4 eps=1", {{1, 3, 5, 7}, {1, 2, 1, 2}, {0, 0, 10, 10}});
    const double root = std::sqrt(6.0);  // variance 5, eps 1
    CHECK(y[0] == Approx(-3 / root));
    CHECK(y[1] == Approx(-2 / root));
    CHECK(y[2] == Approx(1 / root + 10));
    CHECK(y[3] == Approx(6 / root + 10));
}

TEST_CASE("rms_norm: elements over their root mean square, scaled", "[unit]") {
    const Floats y = run("rms_norm rows=2 cols=2 eps=0.5", {{1, 2, 0, 0}, {1, 10}});
    CHECK(y[0] == Approx(1 / std::sqrt(3.0)));
    CHECK(y[1] == Approx(20 / std::sqrt(3.0)));
    CHECK(y[2] == 0);
    CHECK(y[3] == 0);
}

TEST_CASE("norm: the length of each matrix", "[unit]") {
    CHECK(run("norm b=2 m=1 n=2", {{3, 4, 5, 12}}) == Floats{5, 13});
}

TEST_CASE("max_pool: the largest of each window, and never padding", "[unit]") {
    CHECK(run("max_pool h=2 w=3 c=1 kh=2 kw=2", {{1, 2, 3, 4, 0, -1}}) == Floats{4, 3});
    CHECK(run("max_pool h=1 w=3 c=2 kh=1 kw=2 stride=2 pad_w=1 pad_h=0", {{-1, -9, -2, -8, -3, -7}}) ==
          Floats{-1, -9, -2, -7});
}

TEST_CASE("avg_pool: the mean of what is inside, or of the whole window", "[unit]") {
    const Floats x{2, 4, 6};
    const std::string problem = "avg_pool h=1 w=3 c=1 kh=1 kw=2 pad_w=1 pad_h=0";
    CHECK(run(problem, {x}) == Floats{2, 3, 5, 6});
    CHECK(run(problem + " include_pad=1", {x}) == Floats{1, 3, 5, 3});
}

TEST_CASE("reductions: the second and fourth axis are reduced, the others kept", "[unit]") {
    const Floats x{1, 2, 3, 4, 5, 6, 7, 8, -1, 0, 1, 0, -2, -3, 0, 9};  // [2,2,2,2]
    const std::string shape = " outer=2 reduced=2 kept=2 inner=2";
    CHECK(run("reduce_sum" + shape, {x}) == Floats{14, 22, -6, 10});
    CHECK(run("reduce_max" + shape, {x}) == Floats{6, 8, 0, 9});
    CHECK(run("reduce_mean" + shape, {x}) == Floats{3.5F, 5.5F, -1.5F, 2.5F});
}

TEST_CASE("reductions: rows, columns and all of a matrix are what is left out of the pairs", "[unit]") {
    const Floats x{1, 2, 3, 4, 5, 6};  // [2,3]
    CHECK(run("reduce_sum outer=2 reduced=3", {x}) == Floats{6, 15});
    CHECK(run("reduce_sum reduced=1 outer=2 inner=3", {x}) == Floats{6, 15});
    CHECK(run("reduce_sum reduced=2 kept=3", {x}) == Floats{5, 7, 9});
    CHECK(run("reduce_sum reduced=6", {x}) == Floats{21});
    CHECK(run("reduce_max reduced=2 kept=3", {{-5, -4, -3, -6, -1, -9}}) == Floats{-5, -1, -3});
    CHECK(run("reduce_mean outer=2 reduced=3", {x}) == Floats{2, 5});
}

TEST_CASE("reductions: kept and reduced axes alternate as often as the pairs say", "[unit]") {
    Floats x(32);  // [2,2,2,2,2]
    for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i);
    const std::string second_and_fourth = " outer=2 reduced=2 kept=2 inner=2 kept2=2";
    CHECK(run("reduce_sum" + second_and_fourth, {x}) == Floats{20, 24, 36, 40, 84, 88, 100, 104});
    CHECK(run("reduce_max" + second_and_fourth, {x}) == Floats{10, 11, 14, 15, 26, 27, 30, 31});
    const std::string first_third_and_fifth = " reduced=2 kept=2 inner=2 kept2=2 inner2=2";
    CHECK(run("reduce_sum" + first_third_and_fifth, {x}) == Floats{84, 100, 148, 164});
    CHECK(run("reduce_mean" + first_third_and_fifth, {x}) == Floats{10.5F, 12.5F, 18.5F, 20.5F});
    CHECK(run("reduce_sum reduced=1 kept2=4 inner2=1 kept3=2 inner3=4", {x}) ==
          Floats{6, 22, 38, 54, 70, 86, 102, 118});
}

TEST_CASE("elementwise: the epilogue in its order, and a copy without one", "[unit]") {
    const Floats x{-1, 2, -3, 4};
    CHECK(run("elementwise rows=2 cols=2", {x}) == x);
    CHECK(run("elementwise rows=2 cols=2 epilogue=bias,relu", {x, {2, -3}}) == Floats{1, 0, 0, 1});
    CHECK(run("elementwise rows=2 cols=2 epilogue=relu,scale,add", {x, {10, 100}, {1, 2, 3, 4}}) ==
          Floats{1, 202, 3, 404});
}

TEST_CASE("transpose: axes change places, runs stay whole, batches stay apart", "[unit]") {
    const Floats x{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    CHECK(run("transpose m=3 n=4", {x}) == Floats{1, 5, 9, 2, 6, 10, 3, 7, 11, 4, 8, 12});
    CHECK(run("transpose b=2 m=2 n=3", {x}) == Floats{1, 4, 2, 5, 3, 6, 7, 10, 8, 11, 9, 12});
    CHECK(run("transpose m=3 n=2 c=2", {x}) == Floats{1, 2, 5, 6, 9, 10, 3, 4, 7, 8, 11, 12});
}
