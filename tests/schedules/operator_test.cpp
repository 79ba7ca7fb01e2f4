#include "schedules/operator.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <set>

#include "core/error.h"
#include "schedules/conv/shape.h"

using namespace tilesmith;
using Catch::Matchers::Contains;

namespace {

// What the user reads: the message and the remedy. Empty where nothing was wrong.
std::string complaint(const std::string& text) {
    try {
        static_cast<void>(parse_problem(text));
        return "";
    } catch (const Error& error) {
        CHECK(error.kind() == Error::Kind::bad_input);
        return std::string(error.what()) + " | " + error.remedy();
    }
}

std::vector<std::string> argument_texts(const std::string& problem_text) {
    const Problem problem = parse_problem(problem_text);
    std::vector<std::string> texts;
    for (const Argument& argument : operator_of(problem).arguments(problem)) {
        std::string text = argument.name;
        for (const int64_t extent : argument.shape) text += fmt::format(" {}", extent);
        texts.push_back(text);
    }
    return texts;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("operator: the only tensor of the epilogue among some arguments is found, or none", "[unit]") {
    const Problem problem = parse_problem("matmul m=2 n=3 k=4 epilogue=bias,add");
    const std::vector<Argument> arguments = operator_of(problem).arguments(problem);
    CHECK(only_epilogue_tensor(arguments, {}) == std::nullopt);
    CHECK(only_epilogue_tensor(arguments, {0}) == std::nullopt);
    CHECK(only_epilogue_tensor(arguments, {0, 3}) == 3);
    CHECK(only_epilogue_tensor(arguments, {2, 3}) == std::nullopt);
}

TEST_CASE("operator: names are unique and lead back to their row", "[unit]") {
    std::set<std::string> names;
    for (const Operator& op : operators()) {
        CHECK(names.insert(op.name).second);
        CHECK(&operator_named(op.name) == &op);
        CHECK(op.spec.op == op.name);
        CHECK_FALSE(op.summary.empty());
    }
}

TEST_CASE("operator: every row of weights and an epilogue computes the smallest problem with each", "[unit]") {
    for (const Operator& op : operators()) {
        if (!op.spec.epilogue || !op.spec.weights) continue;
        std::string text = op.name;
        for (const PairSpec& pair : op.spec.extents)
            if (!pair.default_value) text += " " + pair.name + "=1";
        for (const EpilogueInfo& info : epilogue_table()) {
            const Problem problem = parse_problem(text + " epilogue=" + std::string(info.name));
            CAPTURE(problem.text());
            const std::vector<Argument> arguments = op.arguments(problem);
            REQUIRE(arguments.size() == (info.tensor == EpilogueTensor::none ? 3U : 4U));
            CHECK(arguments[0].role == Role::input);
            CHECK(arguments[1].role == Role::weight);
            CHECK(arguments.back().role == Role::output);
            CHECK(op.flops(problem) == 2);
            CHECK(op.reduction(problem) == 1);
            CHECK(compulsory_bytes(problem) == 4.0 * static_cast<double>(arguments.size()));
            const float two = 2;
            const float three = 3;
            const std::vector<const float*> inputs{&two, &three, &two};
            float output = -1;
            op.reference(problem, std::span(inputs).first(arguments.size() - 1), &output);
            if (info.op == EpilogueOp::bias || info.op == EpilogueOp::add) CHECK(output == 8);
            if (info.op == EpilogueOp::scale) CHECK(output == 12);
            if (info.op == EpilogueOp::relu || info.op == EpilogueOp::relu6) CHECK(output == 6);
            if (info.op == EpilogueOp::gelu || info.op == EpilogueOp::gelu_tanh) CHECK(output == Approx(6.0));
            if (info.op == EpilogueOp::sigmoid) CHECK(output == Approx(0.99752738));
            if (info.op == EpilogueOp::tanh) CHECK(output == Approx(0.99998771));
            if (info.op == EpilogueOp::silu) CHECK(output == Approx(5.9851643));
        }
    }
}

TEST_CASE("operator: the canonical text names extents, then what differs", "[unit]") {
    const auto [written, canonical] = GENERATE(table<std::string, std::string>({
        {"matmul k=3 n=2 m=1", "matmul m=1 n=2 k=3 dtype=f32"},
        {"matmul m=1 n=2 k=3 b=1 ta=0 weights=fresh", "matmul m=1 n=2 k=3 dtype=f32"},
        {"matmul tb=1 ta=1 m=1 n=2 k=3 b=4", "matmul b=4 m=1 n=2 k=3 dtype=f32 ta=1 tb=1"},
        {"  matmul\tm=1 n=2 k=3 weights=fixed epilogue=bias,gelu ",
         "matmul m=1 n=2 k=3 dtype=f32 weights=fixed epilogue=bias,gelu"},
        {"conv2d h=8 w=9 ci=4 co=6 kh=3 kw=1 groups=2 pad_h=1 stride=2",
         "conv2d n=1 h=8 w=9 ci=4 co=6 kh=3 kw=1 dtype=f32 stride=2 pad_h=1 groups=2"},
        {"conv2d h=8 w=9 ci=4 co=6 kh=3 kw=3 pad=1 pad_h_end=0 pad_w_end=0 weights=fixed",
         "conv2d n=1 h=8 w=9 ci=4 co=6 kh=3 kw=3 dtype=f32 pad=1 pad_h_end=0 pad_w_end=0"},
        {"conv2d h=8 w=9 ci=4 co=6 kh=3 kw=3 dilation_w=2 weights=fresh accuracy=fast",
         "conv2d n=1 h=8 w=9 ci=4 co=6 kh=3 kw=3 dtype=f32 dilation_w=2 weights=fresh accuracy=fast"},
        {"conv1d w=9 ci=4 co=6 kw=3 stride=2 pad=1 n=2", "conv1d n=2 w=9 ci=4 co=6 kw=3 dtype=f32 stride=2 pad=1"},
        {"layer_norm cols=3 rows=2", "layer_norm rows=2 cols=3 dtype=f32"},
        {"layer_norm cols=3 rows=2 eps=0.00001", "layer_norm rows=2 cols=3 dtype=f32"},
        {"rms_norm cols=3 rows=2 eps=1e-6", "rms_norm rows=2 cols=3 dtype=f32 eps=1e-06"},
        {"norm n=3 m=2 b=1", "norm m=2 n=3 dtype=f32"},
        {"reduce_sum inner=1 kept=3 reduced=2 outer=1", "reduce_sum reduced=2 kept=3 dtype=f32"},
        {"reduce_sum inner2=1 kept2=5 reduced=2 kept3=1", "reduce_sum reduced=2 kept2=5 dtype=f32"},
        {"reduce_max kept4=10 inner3=9 kept3=8 inner2=7 kept2=6 inner=5 kept=4 reduced=3 outer=2",
         "reduce_max outer=2 reduced=3 kept=4 inner=5 kept2=6 inner2=7 kept3=8 inner3=9 kept4=10 dtype=f32"},
        {"reduce_sum axes=1 shape=2x3", "reduce_sum outer=2 reduced=3 dtype=f32"},
        {"reduce_sum shape=2x3 axes=0", "reduce_sum reduced=2 kept=3 dtype=f32"},
        {"reduce_sum shape=2x3 axes=-1,0", "reduce_sum reduced=6 dtype=f32"},
        {"reduce_sum shape=7 axes=0", "reduce_sum reduced=7 dtype=f32"},
        {"reduce_sum shape=2x1x3 axes=1", "reduce_sum outer=6 reduced=1 dtype=f32"},
        {"reduce_mean shape=2x3x1x4x5 axes=3,1", "reduce_mean outer=2 reduced=12 kept=5 dtype=f32"},
        {"reduce_max shape=2x3x4x5x6 axes=1,3", "reduce_max outer=2 reduced=3 kept=4 inner=5 kept2=6 dtype=f32"},
        {"reduce_max shape=2x3x4x5x6x7x8x9 axes=0,2,4,-2",
         "reduce_max reduced=2 kept=3 inner=4 kept2=5 inner2=6 kept3=7 inner3=8 kept4=9 dtype=f32"},
        {"elementwise cols=3 rows=2 epilogue=none", "elementwise rows=2 cols=3 dtype=f32"},
        {"transpose c=5 n=3 m=2", "transpose m=2 n=3 c=5 dtype=f32"},
        {"conv1d w=9 ci=4 co=6 kw=3 stride_w=2 pad_w=1", "conv1d n=1 w=9 ci=4 co=6 kw=3 dtype=f32 stride=2 pad=1"},
    }));
    CAPTURE(written);
    CHECK(parse_problem(written).text() == canonical);
    CHECK(parse_problem(canonical).text() == canonical);
}

TEST_CASE("operator: every line of the shipped workloads keeps its meaning", "[unit]") {
    int lines_read = 0;
    for (const auto& entry : std::filesystem::directory_iterator(TILESMITH_WORKLOADS)) {
        if (entry.path().extension() != ".txt") continue;
        std::ifstream file(entry.path());
        for (std::string line; std::getline(file, line);) {
            if (line.empty() || line.front() == '#') continue;
            CAPTURE(entry.path().filename(), line);
            const std::vector<WeightedProblem> problems = parse_workload(line, "line");
            REQUIRE(problems.size() == 1);
            const std::string text = problems[0].problem.text();
            CHECK(parse_problem(text).text() == text);
            CHECK(operator_of(problems[0].problem).flops(problems[0].problem) > 0);
            ++lines_read;
        }
    }
    CHECK(lines_read > 130);
}

TEST_CASE("operator: arguments have the documented shapes and order", "[unit]") {
    CHECK(argument_texts("matmul m=2 n=3 k=4") == Texts{"a 2 4", "b 4 3", "c 2 3"});
    CHECK(argument_texts("matmul b=5 m=2 n=3 k=4 ta=1") == Texts{"a 5 4 2", "b 5 4 3", "c 5 2 3"});
    CHECK(argument_texts("matmul m=2 n=3 k=4 tb=1 epilogue=add,scale,relu,bias") ==
          Texts{"a 2 4", "b 3 4", "add 2 3", "scale 3", "bias 3", "c 2 3"});
    CHECK(argument_texts("conv2d n=2 h=8 w=9 ci=4 co=6 kh=3 kw=2 stride=2 pad=1 groups=2 epilogue=bias,add") ==
          Texts{"x 2 8 9 4", "w 3 2 2 6", "bias 6", "add 2 4 5 6", "y 2 4 5 6"});
    CHECK(argument_texts("conv2d_transposed h=4 w=5 ci=3 co=7 kh=4 kw=3 stride=2 pad=1 epilogue=bias") ==
          Texts{"x 1 4 5 3", "w 4 3 3 7", "bias 7", "y 1 8 9 7"});
    CHECK(argument_texts("conv3d n=2 d=6 h=8 w=9 ci=4 co=6 kd=3 kh=1 kw=2 pad_d=1 groups=2") ==
          Texts{"x 2 6 8 9 4", "w 3 1 2 2 6", "y 2 6 8 8 6"});
    CHECK(argument_texts("max_pool h=8 w=9 c=4 kh=3 kw=2 stride=2 pad=1") == Texts{"x 1 8 9 4", "y 1 4 5 4"});
    CHECK(argument_texts("softmax rows=2 cols=3") == Texts{"x 2 3", "y 2 3"});
    CHECK(argument_texts("layer_norm rows=2 cols=3") == Texts{"x 2 3", "gamma 3", "beta 3", "y 2 3"});
    CHECK(argument_texts("rms_norm rows=2 cols=3") == Texts{"x 2 3", "gamma 3", "y 2 3"});
    CHECK(argument_texts("norm b=4 m=2 n=3") == Texts{"x 4 2 3", "y 4"});
    CHECK(argument_texts("reduce_sum outer=2 reduced=3 kept=4 inner=5") == Texts{"x 2 3 4 5", "y 2 4"});
    CHECK(argument_texts("reduce_mean reduced=7") == Texts{"x 1 7 1 1", "y 1 1"});
    CHECK(argument_texts("reduce_sum reduced=3 kept2=4 inner2=5") == Texts{"x 1 3 1 1 4 5", "y 1 1 4"});
    CHECK(argument_texts("reduce_sum reduced=2 inner3=5") == Texts{"x 1 2 1 1 1 1 1 5", "y 1 1 1 1"});
    CHECK(argument_texts("reduce_sum reduced=2 kept4=5") == Texts{"x 1 2 1 1 1 1 1 1 5 1", "y 1 1 1 1 5"});
    CHECK(argument_texts("elementwise rows=2 cols=3 epilogue=add,scale,relu") ==
          Texts{"x 2 3", "add 2 3", "scale 3", "y 2 3"});
    CHECK(argument_texts("transpose b=2 m=3 n=4 c=5") == Texts{"x 2 3 4 5", "y 2 4 3 5"});
    CHECK(argument_texts("conv1d w=9 ci=4 co=6 kw=3 dilation=2") == Texts{"x 1 9 4", "w 3 4 6", "y 1 5 6"});
}

TEST_CASE("operator: what a row draws at random parses, sooner or later", "[unit]") {
    for (const Operator& op : operators()) {
        Rng rng(3);
        int parsed = 0;
        for (int i = 0; i < 100; ++i) {
            const std::string text = op.random(rng);
            CAPTURE(text);
            CHECK(text.starts_with(op.name + " "));
            parsed += complaint(text).empty() ? 1 : 0;
        }
        CAPTURE(op.name);
        CHECK(parsed > 20);
    }
}

TEST_CASE("operator: flops and reduction count every product", "[unit]") {
    const auto [text, flops, reduction] = GENERATE(table<std::string, double, int64_t>({
        {"matmul b=2 m=3 n=5 k=7", 420, 7},
        {"matmul m=8192 n=8192 k=8192", 0x1p40, 8192},
        {"conv2d h=14 w=14 ci=256 co=256 kh=3 kw=3 pad=1", 2.0 * 196 * 256 * 2304, 2304},
        {"conv2d h=8 w=8 ci=4 co=6 kh=3 kw=3 groups=2", 2.0 * 36 * 6 * 18, 18},
        {"conv2d h=8 w=8 ci=6 co=6 kh=3 kw=3 groups=6", 2.0 * 36 * 6 * 9, 9},
        {"conv1d w=10 ci=4 co=6 kw=3 stride=2", 2.0 * 4 * 6 * 12, 12},
        {"reduce_sum outer=2 reduced=3 kept=4 inner=5", 120, 15},
        {"reduce_max outer=2 reduced=3 kept=4 inner=5", 120, 15},
        {"reduce_mean outer=2 reduced=3 kept=4 inner=5 kept2=2 inner2=7", 1680, 105},
        {"elementwise rows=3 cols=5", 15, 1},
        {"elementwise rows=3 cols=5 epilogue=bias,relu", 30, 1},
        {"transpose b=2 m=3 n=4 c=5", 120, 1},
    }));
    CAPTURE(text);
    const Problem problem = parse_problem(text);
    CHECK(operator_of(problem).flops(problem) == flops);
    CHECK(operator_of(problem).reduction(problem) == reduction);
}

TEST_CASE("operator: bad problems are refused with what is wrong and what is allowed", "[unit]") {
    const auto [text, parts] = GENERATE(table<std::string, Texts>({
        {"", {"empty", "matmul m="}},
        {"matmull m=1 n=1 k=1", {"unknown operator 'matmull'", "matmul, conv2d, conv1d"}},
        {"m=1 n=1 k=1", {"unknown operator 'm=1'"}},
        {"matmul m=1 n=1", {"matmul needs 'k'"}},
        {"matmul m=0 n=1 k=1", {"m=0"}},
        {"matmul m=1 n=1 k=1 stride=2", {"matmul has no pair 'stride'", "ta, tb"}},
        {"matmul m=1 n=1 k=1 ta=2", {"ta=2", "0 or 1"}},
        {"matmul m=100000 n=100000 k=1", {"c[100000,100000]", "40000000000 bytes", "2^31"}},
        {"matmul m=536870912 n=1 k=1", {"a[536870912,1]", "2147483648 bytes"}},
        {"matmul m=2147483647 n=2147483647 k=2147483647", {"bytes", "2^31"}},
        {"conv2d h=8 w=8 ci=4 co=4 kw=3", {"conv2d needs 'kh'"}},
        {"conv2d h=2 w=8 ci=4 co=4 kh=5 kw=3 pad=1", {"larger than the padded input", "kh=5", "h=2"}},
        {"conv2d h=8 w=4 ci=4 co=4 kh=3 kw=3 dilation=2", {"larger than the padded input", "kw=3", "dilation 2"}},
        {"conv1d w=4 ci=4 co=4 kw=2147483647 dilation=2147483647", {"larger than the padded input"}},
        {"conv1d w=4 ci=4 co=4 kh=1 kw=1", {"conv1d has no pair 'kh'"}},
        {"conv1d w=4 ci=4 co=4 kw=1 stride_h=1", {"conv1d has no pair 'stride_h'"}},
        {"conv2d h=8 w=8 ci=4 co=6 kh=1 kw=1 groups=4", {"groups=4 does not divide co=6"}},
        {"conv2d h=8 w=8 ci=6 co=4 kh=1 kw=1 groups=4", {"groups=4 does not divide ci=6"}},
        {"conv2d h=8 w=8 ci=4 co=4 kh=1 kw=1 pad=100000 stride=100000", {"padded input", "2^31"}},
        {"conv2d h=50000 w=50000 ci=1 co=1 kh=1 kw=1", {"bytes", "2^31"}},
        {"reduce_sum shape=2x3", {"reduce_sum needs 'axes' too", "shape and axes"}},
        {"reduce_sum axes=1", {"reduce_sum needs 'shape' too"}},
        {"reduce_sum shape=2x3 axes=0 kept=3", {"'kept' is given twice"}},
        {"reduce_sum shape=2x3 axes=2", {"axes=2 is too large", "-2 to 1"}},
        {"reduce_sum shape=2x3 axes=1,-1", {"axis 1 is there twice in axes=1,-1"}},
        {"reduce_sum shape=2x3 axes=", {"axes= is not a whole number"}},
        {"reduce_sum shape=2x0 axes=1", {"shape=0 is too small"}},
        {"reduce_sum shape=2xx3 axes=1", {"shape= is not a whole number"}},
        {"reduce_sum shape=65536x65536 axes=0,1", {"shape=65536x65536 is too large", "2^31"}},
        {"reduce_sum shape=2x2x2x2x2x2x2x2x2x2 axes=1,3,5,7,9", {"alternate too often", "at most 9"}},
        {"matmul m=1 n=1 k=1 axes=1", {"matmul has no pair 'axes'"}},
        {"conv2d_transposed h=1 w=1 ci=500 co=1 kh=1000000 kw=1", {"padded input", "2^31", "kernel smaller"}},
    }));
    CAPTURE(text);
    const std::string said = complaint(text);
    for (const std::string& part : parts) CHECK_THAT(said, Contains(part));
}

TEST_CASE("operator: tensors just below the limit are accepted", "[unit]") {
    CHECK(complaint("matmul m=536870911 n=1 k=1").empty());
    CHECK(complaint("conv2d h=2 w=2 ci=1 co=1 kh=4 kw=4 pad=1").empty());
}
