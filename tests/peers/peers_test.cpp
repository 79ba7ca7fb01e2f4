#include "peers/peer.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <memory>
#include <span>

#include "core/error.h"
#include "core/rng.h"
#include "schedules/operator.h"

using namespace tilesmith;

namespace {

struct Buffers {
    std::vector<std::vector<float>> inputs;
    std::vector<const float*> pointers;
    std::vector<float> expected, storage;
    std::span<float> output;  // at the start of a cache line, as every benchmark has it

    explicit Buffers(const Problem& problem) {
        Rng rng(7);
        const Operator& op = operator_of(problem);
        std::vector<Argument> arguments = op.arguments(problem);
        const auto size = static_cast<size_t>(arguments.back().elements());
        arguments.pop_back();
        for (const Argument& argument : arguments) {
            std::vector<float>& values = inputs.emplace_back(static_cast<size_t>(argument.elements()));
            for (float& value : values) value = static_cast<float>(rng.below(9)) - 4.0F;
        }
        for (const std::vector<float>& values : inputs) pointers.push_back(values.data());
        storage.resize(size + 16);
        void* place = storage.data();
        size_t room = storage.size() * sizeof(float);
        output = {static_cast<float*>(std::align(64, size * sizeof(float), place, room)), size};
        std::fill(output.begin(), output.end(), NAN);
        expected.assign(size, 0);
        op.reference(problem, pointers, expected.data());
    }
};

// Whole numbers are exact in any order of summation; gelu's erf is approximated by oneDNN's polynomial.
bool agrees(const Problem& problem, std::span<const float> output, std::span<const float> expected) {
    const float tolerance = problem.exact() ? 0.0F : 1e-4F;
    for (size_t i = 0; i < output.size(); ++i) {
        if (!(std::abs(output[i] - expected[i]) <= tolerance * (1 + std::abs(expected[i])))) return false;
    }
    return true;
}

const std::vector<std::string> kProblems = {
    "matmul m=1 n=1 k=1",
    "matmul m=33 n=17 k=29",
    "matmul b=3 m=13 n=7 k=19",
    "matmul m=33 n=17 k=29 ta=1",
    "matmul m=33 n=17 k=29 tb=1",
    "matmul b=2 m=5 n=17 k=29 ta=1 tb=1",
    "matmul m=33 n=17 k=29 weights=fixed",
    "matmul m=33 n=17 k=29 epilogue=bias,relu",
    "matmul b=2 m=9 n=17 k=5 epilogue=bias,add,relu6",
    "matmul m=33 n=17 k=29 epilogue=add,scale,gelu",
    "matmul m=33 n=17 k=29 epilogue=relu,bias",
    "matmul m=33 n=17 k=29 epilogue=bias,gelu_tanh",
    "matmul m=33 n=17 k=29 epilogue=silu,bias,sigmoid",
    "conv2d n=1 h=9 w=11 ci=5 co=7 kh=3 kw=3 pad=1",
    "conv2d n=2 h=9 w=11 ci=6 co=9 kh=3 kw=2 stride=2 pad_h=1 groups=3",
    "conv2d n=1 h=12 w=10 ci=4 co=4 kh=3 kw=3 stride_h=2 pad=1 dilation=2",
    "conv2d n=1 h=10 w=10 ci=3 co=5 kh=4 kw=4 stride=3 pad_h_end=2",
    "conv2d n=1 h=13 w=13 ci=17 co=17 kh=3 kw=3 pad=1 groups=17",
    "conv2d n=1 h=8 w=8 ci=16 co=32 kh=1 kw=1",
    "conv2d n=1 h=8 w=8 ci=16 co=32 kh=1 kw=1 weights=fresh",
    "conv2d n=1 h=9 w=11 ci=8 co=8 kh=3 kw=3 pad=1 epilogue=bias,add,relu",
    "conv2d n=1 h=9 w=11 ci=8 co=8 kh=3 kw=3 pad=1 epilogue=bias,scale,relu6",
    "conv2d n=1 h=9 w=11 ci=5 co=7 kh=3 kw=3 pad=1 epilogue=bias,gelu",
    "conv2d n=1 h=9 w=11 ci=5 co=7 kh=3 kw=3 pad=1 epilogue=bias,tanh",
    "conv2d n=1 h=9 w=11 ci=5 co=7 kh=3 kw=3 pad=1 epilogue=bias,silu",
    "conv1d n=1 w=31 ci=5 co=7 kw=3 stride=2 pad=1",
    "conv1d n=2 w=31 ci=8 co=8 kw=1",
    "conv3d n=2 d=5 h=9 w=11 ci=6 co=9 kd=3 kh=3 kw=2 stride=2 pad=1 groups=3",
    "conv3d d=4 h=6 w=5 ci=8 co=16 kd=3 kh=3 kw=3 pad=1 epilogue=bias,relu",
    "conv2d_transposed n=2 h=4 w=5 ci=8 co=16 kh=4 kw=4 stride=2 pad=1",
    "conv2d_transposed h=4 w=5 ci=3 co=5 kh=3 kw=2 stride=3 pad_h=1 pad_w=0 epilogue=bias,relu",
    "conv3d d=4 h=6 w=5 ci=8 co=16 kd=1 kh=1 kw=1",
    "max_pool n=2 h=9 w=11 c=5 kh=3 kw=3 stride=2 pad=1",
    "max_pool h=8 w=8 c=16 kh=2 kw=2 stride=2",
    "avg_pool h=9 w=11 c=24 kh=3 kw=2 stride=2 pad_h=1 pad_w=0",
    "avg_pool h=9 w=11 c=24 kh=3 kw=2 pad=1 include_pad=1",
    "avg_pool h=7 w=7 c=40 kh=7 kw=7",
    "softmax rows=1 cols=1",
    "softmax rows=13 cols=77",
    "layer_norm rows=5 cols=96",
    "layer_norm rows=13 cols=77 eps=0.01",
    "reduce_sum outer=13 reduced=77",
    "reduce_sum outer=2 reduced=9 kept=5 inner=7",
    "reduce_max reduced=13 kept=77",
    "reduce_max reduced=1 kept=5",
    "reduce_mean outer=3 reduced=49 kept=17",
    "reduce_mean outer=3 reduced=5 kept=4 inner=7 kept2=9",
    "reduce_max reduced=3 kept=4 inner=5 kept2=3 inner2=4 kept3=2 inner3=5 kept4=6",
    "transpose m=13 n=77",
    "transpose b=2 m=9 n=17 c=5",
};

// One small problem an operator and form, for Halide's schedulers, which take their time.
const std::vector<std::string> kFewProblems = {
    "matmul m=33 n=17 k=29 tb=1 epilogue=bias,relu",
    "matmul b=2 m=9 n=32 k=16 ta=1",
    "conv1d n=2 w=31 ci=5 co=7 kw=3 stride=2 pad=1",
    "conv2d n=1 h=9 w=11 ci=6 co=9 kh=3 kw=2 stride=2 pad_h=1 groups=3 epilogue=bias,add",
    "conv2d n=1 h=8 w=8 ci=16 co=32 kh=1 kw=1",
    "conv3d d=4 h=6 w=5 ci=8 co=16 kd=3 kh=3 kw=3 pad=1",
    "capsule_conv2d h=6 w=7 ci=5 co=3 kh=3 kw=3 capsule=2 stride=2 pad=1 epilogue=bias,add",
    "conv2d_transposed h=4 w=5 ci=3 co=5 kh=3 kw=2 stride=3 pad_h=1 pad_w=0",
    "max_pool n=2 h=9 w=11 c=5 kh=3 kw=3 stride=2 pad=1",
    "avg_pool h=9 w=11 c=24 kh=3 kw=2 stride=2 pad_h=1 pad_w=0",
    "softmax rows=13 cols=77",
    "layer_norm rows=5 cols=96",
    "rms_norm rows=5 cols=96",
    "norm b=3 m=9 n=20",
    "reduce_mean outer=2 reduced=7 kept=12 inner=3",
    "reduce_max reduced=30 kept=9",
    "reduce_mean outer=2 reduced=5 kept=4 inner=3 kept2=12",
    "elementwise rows=7 cols=13 epilogue=bias,relu",
    "transpose b=2 m=7 n=9 c=3",
};

void check_agreement(const Peer& peer, const std::string& text, int threads) {
    const Problem problem = parse_problem(text);
    if (!peer.supports(problem)) return;
    Buffers buffers(problem);
    for (const auto& kernel : peer.prepare(problem, threads, buffers.pointers, buffers.output.data())) {
        INFO(peer.name << ", " << kernel->layout() << ", " << threads << " threads: " << text);
        std::fill(buffers.output.begin(), buffers.output.end(), NAN);
        kernel->run();
        kernel->begin();
        kernel->run();
        kernel->finish();
        CHECK(agrees(problem, buffers.output, buffers.expected));
    }
}

}  // namespace

TEST_CASE("every library on this machine agrees with the reference, with one thread and with two", "[unit]") {
    for (const Peer& peer : peers()) {
        if (!peer.available() || !peer.by_default) continue;
        for (const std::string& text : kProblems) {
            check_agreement(peer, text, 1);
            check_agreement(peer, text, 2);
        }
    }
}

TEST_CASE("what Halide's schedulers make of the plain algorithms agrees with the reference", "[unit]") {
    const Peer& quick = peer_named("halide-mullapudi2016");
    if (!quick.available()) return;
    for (const std::string& text : kFewProblems) {
        REQUIRE(quick.supports(parse_problem(text)));
        check_agreement(quick, text, 2);
    }
    for (const char* name : {"halide-li2018", "halide-adams2019"})
        if (const Peer& peer = peer_named(name); peer.available()) check_agreement(peer, "matmul m=33 n=17 k=29", 1);
}

TEST_CASE("the yardstick reads the inputs and writes nothing", "[unit]") {
    const Peer& stream = peer_named("stream");
    CHECK_FALSE(stream.computes);
    CHECK_FALSE(stream.by_default);
    for (const char* text : {"matmul m=1 n=1 k=1", "matmul m=1 n=257 k=129 epilogue=bias"}) {
        const Problem problem = parse_problem(text);
        Buffers buffers(problem);
        std::fill(buffers.output.begin(), buffers.output.end(), NAN);
        for (const int threads : {1, 2, 3})
            for (const auto& kernel : stream.prepare(problem, threads, buffers.pointers, buffers.output.data()))
                kernel->run();
        for (const float value : buffers.output) CHECK(std::isnan(value));
    }
}

TEST_CASE("a library that is available says its version", "[unit]") {
    for (const Peer& peer : peers()) {
        INFO(peer.name);
        CHECK(peer.version().empty() == !peer.available());
    }
}

TEST_CASE("BLAS libraries take no problem with an epilogue or a kernel larger than one tap", "[unit]") {
    for (const char* name : {"openblas", "blis"}) {
        const Peer& peer = peer_named(name);
        CHECK(peer.supports(parse_problem("matmul m=4 n=4 k=4")));
        CHECK(peer.supports(parse_problem("conv2d n=1 h=4 w=4 ci=4 co=4 kh=1 kw=1")));
        CHECK_FALSE(peer.supports(parse_problem("matmul m=4 n=4 k=4 epilogue=relu")));
        CHECK_FALSE(peer.supports(parse_problem("conv2d n=1 h=4 w=4 ci=4 co=4 kh=3 kw=3")));
        CHECK_FALSE(peer.supports(parse_problem("conv2d n=1 h=4 w=4 ci=4 co=4 kh=1 kw=1 stride=2")));
    }
}

TEST_CASE("an unknown library is an error that lists the known ones", "[unit]") {
    try {
        (void)peer_named("mkl");
        FAIL("no error");
    } catch (const Error& error) {
        CHECK(error.exit_status() == 2);
        CHECK(error.remedy().find("openblas, blis, stream, halide-mullapudi2016") != std::string::npos);
    }
}
