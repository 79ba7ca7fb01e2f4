// Every template of the convolutions, on shapes that divide nothing: what its schedules compute is what the naive loops
// compute, and nothing is touched outside the arguments.
#include <catch2/catch.hpp>
#include <set>
#include <string>

#include "codegen/host.h"
#include "schedules/conv/shape.h"
#include "schedules/operator.h"
#include "template_check.h"

namespace tilesmith {
namespace {

std::string fault(const std::string& problem, const std::string& template_name, int random_schedules, int threads = 1) {
    Conditions conditions;
    conditions.threads = threads;
    return first_fault(problem, template_name, random_schedules, conditions, 20260101);
}

TEST_CASE("direct: schedules compute the convolution, whatever the shape", "[kernel]") {
    const auto* const text = GENERATE(
        "conv2d n=1 h=1 w=1 ci=1 co=1 kh=1 kw=1", "conv2d n=1 h=6 w=7 ci=5 co=9 kh=3 kw=3 pad=1",
        "conv2d n=2 h=9 w=8 ci=8 co=16 kh=3 kw=2 stride=2 pad=1 epilogue=bias,relu",
        "conv2d n=3 h=5 w=4 ci=7 co=24 kh=1 kw=1 epilogue=bias,add,relu6",
        "conv2d n=2 h=7 w=9 ci=12 co=20 kh=3 kw=3 groups=4 pad=1 epilogue=scale",
        "conv2d n=1 h=11 w=10 ci=3 co=17 kh=5 kw=4 pad_h=2 pad_w=1 pad_h_end=3 pad_w_end=2 dilation=2",
        "conv2d n=1 h=13 w=13 ci=4 co=8 kh=3 kw=3 stride_h=3 stride_w=1 pad=3 dilation_w=3",
        "conv2d n=1 h=19 w=21 ci=3 co=40 kh=7 kw=7 stride=2 pad=3 epilogue=bias,gelu",
        "conv2d n=1 h=12 w=12 ci=6 co=6 kh=3 kw=3 groups=6 pad=1",
        "conv2d n=1 h=5 w=6 ci=4 co=12 kh=3 kw=3 groups=4 pad=2",
        "conv2d n=2 h=8 w=8 ci=6 co=12 kh=1 kw=1 stride=2 groups=2", "conv2d n=2 h=3 w=5 ci=3 co=2 kh=3 kw=1 pad_h=1",
        "conv2d n=1 h=10 w=9 ci=8 co=18 kh=1 kw=3 pad_h=2 pad_w=0 pad_h_end=0 dilation=2 groups=2");
    CHECK(fault(text, "direct", 3) == "");
}

TEST_CASE("direct: weights that change with every call are used or packed correctly", "[kernel]") {
    const auto* const text = GENERATE("conv2d n=1 h=10 w=10 ci=32 co=32 kh=3 kw=3 groups=2 pad=1 weights=fresh",
                                      "conv2d n=1 h=6 w=6 ci=16 co=33 kh=3 kw=3 pad=1 weights=fresh epilogue=bias");
    CHECK(fault(text, "direct", 4) == "");
}

TEST_CASE("direct: pixels that a strided kernel of one tap reads may be gathered", "[kernel]") {
    const auto* const text =
        GENERATE("conv2d n=1 h=3 w=3 ci=1 co=1 kh=1 kw=1 stride=2", "conv2d n=2 h=9 w=7 ci=5 co=19 kh=1 kw=1 stride=2",
                 "conv2d n=3 h=8 w=11 ci=16 co=40 kh=1 kw=1 stride_h=1 stride_w=3 epilogue=bias,add",
                 "conv1d n=2 w=31 ci=20 co=24 kw=1 stride=2 weights=fresh", "conv1d w=1 ci=8 co=8 kw=1 stride=2");
    const Problem problem = parse_problem(text);
    const Target target = resolve_target("host", true, nullptr);
    const Template& direct = *template_named({"direct", 3});
    Rng rng(20261123);
    for (const char* copy_at : {"block", "whole"})
        for (const int threads : {1, 2}) {
            Conditions conditions;
            conditions.threads = threads;
            Schedule wish = direct.default_schedule(problem, target, conditions);
            wish.set("padding", "gather").set("order", "pixels").set("pixel_block", int64_t{2}).set("copy_at", copy_at);
            const Schedule schedule = *direct.space(problem, target, conditions).repair(wish);
            INFO(schedule.text());
            CHECK(schedule.choice("padding") == "gather");
            CHECK(schedule.choice("copy_at") == copy_at);
            CHECK(fault_of(problem, schedule, target, conditions, true, rng) == "");
        }
    CHECK(fault(text, "direct", 3) == "");
}

TEST_CASE("direct: only the tiles at the edges of a row need to know of columns outside", "[kernel]") {
    const auto* const text =
        GENERATE("conv2d h=3 w=9 ci=1 co=1 kh=3 kw=3 pad=1", "conv2d n=2 h=17 w=31 ci=3 co=19 kh=3 kw=3 stride=2 pad=1",
                 "conv2d h=9 w=23 ci=10 co=24 kh=5 kw=5 groups=2 pad=2 epilogue=bias,add",
                 "conv2d h=11 w=6 ci=4 co=9 kh=3 kw=7 pad_h=0 pad_h_end=2 pad_w=6 pad_w_end=1",
                 "conv2d h=12 w=29 ci=7 co=17 kh=3 kw=3 pad=3 dilation=3 weights=fresh",
                 "conv3d d=4 h=6 w=13 ci=5 co=8 kd=3 kh=3 kw=3 pad=1",
                 "capsule_conv2d h=8 w=9 ci=4 co=6 kh=3 kw=3 capsule=4 pad=1");
    const Problem problem = parse_problem(text);
    const Template& direct = *template_named({"direct", 3});
    Rng rng(20261125);
    int tested = 0;
    for (const Target& target : targets_here())
        for (const int64_t vectors : {1, 2})
            for (const int64_t columns : {1, 3, 5}) {
                Conditions conditions;
                conditions.threads = columns == 3 ? 2 : 1;
                Schedule wish = direct.default_schedule(problem, target, conditions);
                wish.set("padding", "edges").set("vectors", vectors).set("columns", columns);
                const Schedule schedule = *direct.space(problem, target, conditions).repair(wish);
                // Of few columns and channels other tiles are left.
                if (schedule.choice("padding") != "edges") continue;
                INFO(schedule.text());
                ++tested;
                CHECK(fault_of(problem, schedule, target, conditions, problem.weights() == Weights::fresh, rng) == "");
            }
    INFO(text);
    CHECK(tested > 0);
}

TEST_CASE("direct: what is asked for before it is read changes no result", "[kernel]") {
    const auto* const text =
        GENERATE("conv2d h=7 w=7 ci=160 co=100 kh=1 kw=1 epilogue=bias", "conv2d h=9 w=7 ci=33 co=50 kh=3 kw=3 pad=1",
                 "conv2d n=2 h=14 w=13 ci=64 co=200 kh=1 kw=1 stride=2", "conv1d w=40 ci=48 co=130 kw=3",
                 "conv2d h=12 w=12 ci=96 co=192 kh=3 kw=3 groups=2 pad=1 dilation=2",
                 "conv2d n=5 h=9 w=11 ci=120 co=110 kh=1 kw=1 epilogue=bias,add");
    const Problem problem = parse_problem(text);
    const Template& direct = *template_named({"direct", 3});
    Rng rng(20261124);
    std::set<std::string> tested;
    for (const Target& target : targets_here())
        for (const char* ahead : {"panel", "pixels"})
            for (const int threads : {1, 2}) {
                Conditions conditions;
                conditions.threads = threads;
                Schedule wish = direct.default_schedule(problem, target, conditions);
                if (wish.choice("padding") == "skip") wish.set("padding", "skip_rows");
                wish.set("columns", int64_t{4}).set("pixel_block", int64_t{8}).set("inner", "pixels");
                wish.set("prefetch", ahead).set("prefetch_output", int64_t{1});
                const Schedule schedule = *direct.space(problem, target, conditions).repair(wish);
                INFO(schedule.text());
                tested.insert(schedule.choice("prefetch"));
                if (schedule.flag("prefetch_output")) tested.insert("output");
                CHECK(fault_of(problem, schedule, target, conditions, false, rng) == "");
            }
    CHECK(tested.contains("panel"));
    const bool side_by_side = problem.text().find("kh=1 kw=1 dtype=f32 epilogue") != std::string::npos;
    CHECK(tested.contains("pixels") == side_by_side);
    CHECK((tested.contains("output") || problem.text().find("add") == std::string::npos));
}

TEST_CASE("direct: tiles that leave padding out share out the next panel's lines", "[kernel]") {
    const auto* const text = GENERATE("conv2d h=9 w=7 ci=33 co=50 kh=3 kw=3 pad=1",
                                      "conv2d n=2 h=8 w=6 ci=64 co=48 kh=5 kw=3 pad=1 epilogue=bias,relu",
                                      "conv2d h=14 w=7 ci=96 co=64 kh=3 kw=3 groups=2 pad=2 dilation=2",
                                      "conv2d h=11 w=20 ci=40 co=40 kh=3 kw=3 pad=1");
    const Problem problem = parse_problem(text);
    const Template& direct = *template_named({"direct", 3});
    Rng rng(20261128);
    for (const Target& target : targets_here())
        for (const int64_t columns : {conv_shape(problem).ow, int64_t{4}})
            for (const int threads : {1, 2}) {
                Conditions conditions;
                conditions.threads = threads;
                Schedule wish = direct.default_schedule(problem, target, conditions);
                wish.set("padding", "skip").set("vectors", int64_t{1}).set("rows", int64_t{1}).set("columns", columns);
                wish.set("pixel_block", int64_t{14}).set("inner", "pixels").set("prefetch", "panel");
                const Schedule schedule = *direct.space(problem, target, conditions).repair(wish);
                INFO(schedule.text());
                CHECK(schedule.choice("padding") == "skip");
                CHECK(schedule.choice("prefetch") == "panel");
                CHECK(fault_of(problem, schedule, target, conditions, threads == 1, rng) == "");
            }
}

TEST_CASE("direct: tiles of several rows may leave padding out, whatever rows and columns are", "[kernel]") {
    const auto* const text = GENERATE("conv2d h=7 w=7 ci=33 co=50 kh=3 kw=3 pad=1 dilation=2",
                                      "conv2d n=2 h=5 w=6 ci=12 co=110 kh=3 kw=3 pad=1 epilogue=bias,relu",
                                      "conv2d n=3 h=5 w=3 ci=24 co=60 kh=3 kw=2 groups=3 pad=1 epilogue=add",
                                      "conv2d h=9 w=11 ci=16 co=33 kh=3 kw=3 stride=2 pad=1 weights=fresh",
                                      "conv2d h=4 w=5 ci=7 co=9 kh=5 kw=3 pad_h=2 pad_w=0 pad_w_end=1",
                                      "conv2d h=5 w=5 ci=8 co=20 kh=3 kw=3 pad_h=0 pad_w=1",
                                      "conv2d n=3 h=5 w=5 ci=8 co=20 kh=1 kw=3 pad_h=0 pad_w=1",
                                      "capsule_conv2d h=4 w=5 ci=3 co=60 kh=3 kw=3 capsule=2 pad=1");
    const Problem problem = parse_problem(text);
    const Template& direct = *template_named({"direct", 3});
    Rng rng(20261201);
    for (const Target& target : targets_here()) {
        int several = 0;
        for (const char* prefetch : {"no", "panel"})
            for (const int64_t rows : {2, 3})
                for (const int64_t columns : {2, 3, 5}) {
                    Conditions conditions;
                    conditions.threads = columns == 3 ? 2 : 1;
                    Schedule wish = *direct.space(problem, target, conditions).sample(rng);
                    wish.set("padding", "skip").set("vectors", int64_t{1}).set("rows", rows).set("columns", columns);
                    wish.set("inner", "pixels").set("prefetch", prefetch);
                    const Schedule schedule = *direct.space(problem, target, conditions).repair(wish);
                    INFO(schedule.text());
                    CHECK(schedule.choice("padding") == "skip");
                    several += schedule.number("rows") > 1 ? 1 : 0;
                    CHECK(fault_of(problem, schedule, target, conditions, columns == 2, rng) == "");
                }
        INFO(text << " for " << target.name);
        // Sixteen registers hold no such tile that is worth its while.
        CHECK((several >= 2 || target.vector_registers == 16));
    }
}

TEST_CASE("winograd: schedules compute the convolution, whatever the shape", "[kernel]") {
    const auto* const text =
        GENERATE("conv2d h=4 w=4 ci=16 co=16 kh=3 kw=3 accuracy=fast",
                 "conv2d h=14 w=14 ci=32 co=40 kh=3 kw=3 pad=1 accuracy=fast epilogue=bias,relu",
                 "conv2d n=2 h=9 w=13 ci=19 co=33 kh=3 kw=3 pad=1 accuracy=fast epilogue=add",
                 "conv2d n=3 h=7 w=5 ci=24 co=17 kh=3 kw=3 pad_h=2 pad_w=0 pad_w_end=1 accuracy=fast",
                 "conv2d h=12 w=23 ci=17 co=48 kh=3 kw=3 accuracy=fast epilogue=scale,gelu");
    CHECK(fault(text, "winograd", 3) == "");
    CHECK(fault(text, "winograd", 3, 2) == "");
}

TEST_CASE("direct: conv1d is a convolution of height 1", "[kernel]") {
    const auto* const text =
        GENERATE("conv1d n=1 w=30 ci=8 co=16 kw=3 stride=2 pad=1", "conv1d n=3 w=17 ci=5 co=7 kw=5 pad=2 epilogue=add",
                 "conv1d n=2 w=20 ci=16 co=40 kw=1");
    CHECK(fault(text, "direct", 3) == "");
}

TEST_CASE("direct: conv3d sums over planes, those of the padding left out", "[kernel]") {
    const auto* const text = GENERATE(
        "conv3d n=1 d=5 h=6 w=7 ci=5 co=9 kd=3 kh=3 kw=3 pad=1", "conv3d n=2 d=4 h=5 w=6 ci=8 co=16 kd=1 kh=1 kw=1",
        "conv3d n=2 d=7 h=8 w=9 ci=3 co=20 kd=3 kh=2 kw=3 stride=2 pad=1 epilogue=bias,relu",
        "conv3d n=2 d=5 h=4 w=6 ci=6 co=12 kd=2 kh=3 kw=1 groups=3 dilation_d=2 pad_d=1 pad_d_end=2 epilogue=add",
        "conv3d n=1 d=3 h=5 w=5 ci=4 co=8 kd=1 kh=3 kw=3 pad=1", "conv3d n=1 d=9 h=1 w=1 ci=7 co=8 kd=4 kh=1 kw=1",
        "conv3d n=1 d=4 h=6 w=6 ci=8 co=24 kd=2 kh=3 kw=3 pad_h=1 pad_w=1 weights=fresh");
    CHECK(fault(text, "direct", 3) == "");
    CHECK(fault(text, "direct", 2, 2) == "");
}

TEST_CASE("direct: capsule_conv2d multiplies matrices of capsules", "[kernel]") {
    const auto* const text =
        GENERATE("capsule_conv2d h=1 w=1 ci=1 co=1 kh=1 kw=1 capsule=1",
                 "capsule_conv2d h=6 w=7 ci=5 co=3 kh=3 kw=3 capsule=2 pad=1 epilogue=bias,add,relu",
                 "capsule_conv2d n=2 h=9 w=8 ci=8 co=16 kh=3 kw=2 capsule=4 stride=2 pad=1",
                 "capsule_conv2d h=5 w=4 ci=3 co=9 kh=1 kw=1 capsule=3 weights=fresh",
                 "capsule_conv2d h=7 w=7 ci=4 co=8 kh=3 kw=3 capsule=1 pad=2 dilation=2",
                 "capsule_conv2d h=8 w=6 ci=2 co=4 kh=2 kw=3 capsule=4 pad=1 weights=fresh");
    CHECK(fault(text, "direct", 3) == "");
    CHECK(fault(text, "direct", 2, 2) == "");
}

TEST_CASE("depthwise: schedules compute the convolution, whatever the shape", "[kernel]") {
    const auto* const text = GENERATE(
        "conv2d n=1 h=13 w=13 ci=17 co=17 kh=3 kw=3 groups=17 pad=1",
        "conv2d n=2 h=9 w=12 ci=5 co=5 kh=3 kw=3 groups=5 pad=1 stride=2 epilogue=bias,relu6",
        "conv2d n=1 h=4 w=3 ci=1 co=1 kh=3 kw=3 pad=2",
        "conv2d n=3 h=10 w=10 ci=33 co=33 kh=5 kw=5 groups=33 pad=2 dilation=2 epilogue=add",
        "conv2d n=1 h=7 w=20 ci=64 co=64 kh=3 kw=4 groups=64 pad_h=1 pad_w=0 pad_w_end=3 epilogue=scale,bias",
        "conv2d n=2 h=8 w=8 ci=24 co=24 kh=1 kw=1 groups=24", "conv1d n=2 w=40 ci=20 co=20 kw=7 groups=20 pad=3",
        "conv2d n=1 h=6 w=40 ci=8 co=8 kh=3 kw=21 groups=8 pad=10",
        "conv2d n=1 h=13 w=13 ci=16 co=16 kh=3 kw=3 pad_h=0 pad_w=1 groups=16",
        "conv2d n=1 h=13 w=12 ci=16 co=16 kh=3 kw=3 pad_h=1 pad_w=0 groups=16",
        "conv2d n=1 h=6 w=15 ci=3 co=3 kh=1 kw=1 groups=3 pad_h=1 pad_w=0",
        "conv2d n=2 h=7 w=15 ci=9 co=9 kh=3 kw=2 groups=9 pad_h=1 pad_w=0");
    CHECK(fault(text, "depthwise", 3) == "");
}

TEST_CASE("depthwise: an input channel may have several output channels", "[kernel]") {
    const auto* const text = GENERATE(
        "conv2d h=7 w=6 ci=2 co=6 kh=3 kw=3 groups=2 pad=1", "conv2d h=9 w=11 ci=12 co=24 kh=3 kw=3 groups=12 pad=1",
        "conv2d n=2 h=10 w=9 ci=17 co=51 kh=5 kw=3 groups=17 pad=2 stride=2 epilogue=bias,relu6",
        "conv1d n=2 w=19 ci=8 co=24 kw=4 groups=8 dilation=2 epilogue=add",
        "conv2d n=2 h=8 w=8 ci=6 co=18 kh=1 kw=1 groups=6 weights=fresh");
    CHECK(fault(text, "depthwise", 4) == "");
    CHECK(fault(text, "depthwise", 2, 2) == "");
}

TEST_CASE("depthwise: tiles of several rows compute what tiles of one row do", "[kernel]") {
    const auto* const text =
        GENERATE("conv2d h=14 w=14 ci=40 co=40 kh=3 kw=3 pad=1 groups=40 epilogue=bias,relu6",
                 "conv2d n=2 h=12 w=9 ci=16 co=16 kh=3 kw=3 pad_h=1 pad_w=1 pad_h_end=1 groups=16 epilogue=add",
                 "conv2d h=25 w=24 ci=33 co=33 kh=3 kw=3 stride=2 pad=1 groups=33",
                 "conv2d n=2 h=13 w=11 ci=17 co=17 kh=3 kw=3 groups=17",
                 "conv2d h=13 w=15 ci=16 co=16 kh=3 kw=3 pad_h=0 pad_w=1 groups=16",
                 "conv2d h=6 w=6 ci=3 co=3 kh=5 kw=2 pad_h=4 pad_w=1 groups=3");
    const Problem problem = parse_problem(text);
    const Template& depthwise = *template_named({"depthwise", 3});
    Rng rng(20261126);
    std::set<int64_t> tested;
    for (const Target& target : targets_here())
        for (const char* channels : {"inner", "middle", "outer"})
            for (const int64_t rows : {2, 3, 4})
                for (const int threads : {1, 2}) {
                    Conditions conditions;
                    conditions.threads = threads;
                    Schedule wish = depthwise.default_schedule(problem, target, conditions);
                    wish.set("channels", channels).set("vectors", int64_t{1}).set("rows", rows);
                    const Schedule schedule = *depthwise.space(problem, target, conditions).repair(wish);
                    // Not every number of rows covers the output with little waste.
                    if (schedule.number("rows") != rows) continue;
                    INFO(schedule.text());
                    tested.insert(rows);
                    CHECK(fault_of(problem, schedule, target, conditions, threads == 2, rng) == "");
                }
    INFO(text);
    CHECK(tested.contains(2));
    CHECK((conv_shape(problem).oh != 14 || tested.size() == 3));
}

TEST_CASE("depthwise: panels of several tiles of channels, copied or not, compute what single tiles do", "[kernel]") {
    const auto* const text = GENERATE("conv2d n=2 h=7 w=7 ci=112 co=112 kh=3 kw=3 pad=1 groups=112 epilogue=bias,relu6",
                                      "conv2d h=9 w=8 ci=120 co=120 kh=3 kw=3 stride=2 pad=1 groups=120 epilogue=add",
                                      "conv2d h=6 w=7 ci=64 co=64 kh=5 kw=4 pad_h=1 pad_w=0 pad_w_end=2 groups=64",
                                      "conv2d h=7 w=6 ci=40 co=120 kh=3 kw=3 groups=40 pad=1",
                                      "conv2d h=8 w=8 ci=64 co=64 kh=3 kw=3 pad=1 groups=64 weights=fresh");
    const Problem problem = parse_problem(text);
    const Template& depthwise = *template_named({"depthwise", 3});
    Rng rng(20261127);
    std::set<std::string> tested;
    for (const Target& target : targets_here())
        for (const char* padding : {"copy", "skip"})
            for (const char* copy_at : {"panel", "none"})
                for (const int64_t panel : {2, 4, 8})
                    for (const int64_t rows : {1, 2}) {
                        const Conditions conditions{static_cast<int>(rows)};
                        Schedule wish = depthwise.default_schedule(problem, target, conditions);
                        wish.set("channels", "outer").set("padding", padding).set("vectors", int64_t{1});
                        wish.set("panel", panel).set("rows", rows).set("copy_at", copy_at);
                        const Schedule schedule = *depthwise.space(problem, target, conditions).repair(wish);
                        if (schedule.number("panel") == 1 || !tested.insert(target.name + schedule.text()).second)
                            continue;
                        INFO(schedule.text());
                        CHECK(fault_of(problem, schedule, target, conditions, panel == 2, rng) == "");
                    }
    INFO(text);
    CHECK(tested.size() >= 4);
}

TEST_CASE("phases: schedules compute the transposed convolution, whatever the shape", "[kernel]") {
    const auto* const text =
        GENERATE("conv2d_transposed h=1 w=1 ci=1 co=1 kh=1 kw=1",
                 "conv2d_transposed h=4 w=5 ci=8 co=16 kh=4 kw=4 stride=2 pad=1",
                 "conv2d_transposed n=2 h=5 w=4 ci=3 co=9 kh=3 kw=3 stride=2 pad=1 epilogue=bias,relu",
                 "conv2d_transposed n=2 h=6 w=7 ci=12 co=20 kh=3 kw=5 pad=1 epilogue=add",
                 "conv2d_transposed h=3 w=3 ci=5 co=33 kh=2 kw=2 stride=3",
                 "conv2d_transposed h=7 w=3 ci=16 co=3 kh=5 kw=4 stride_h=3 stride_w=2 pad_h=2 pad_w=0 pad_w_end=1",
                 "conv2d_transposed n=2 h=4 w=6 ci=9 co=24 kh=4 kw=4 stride=2 pad=1 weights=fresh");
    CHECK(fault(text, "phases", 3) == "");
    CHECK(fault(text, "phases", 2, 2) == "");
}

TEST_CASE("phases: taps that fall outside of the input may be left out", "[kernel]") {
    const auto* const text =
        GENERATE("conv2d_transposed h=4 w=5 ci=8 co=16 kh=4 kw=4 stride=2 pad=1",
                 "conv2d_transposed n=2 h=5 w=7 ci=3 co=9 kh=5 kw=3 stride=2 pad=1 epilogue=bias,relu",
                 "conv2d_transposed h=3 w=6 ci=12 co=40 kh=3 kw=5 pad_h=0 pad_w=2 epilogue=add",
                 "conv2d_transposed h=7 w=3 ci=16 co=3 kh=5 kw=4 stride_h=2 stride_w=3 pad_h=2 pad_w=0 pad_w_end=1",
                 "conv2d_transposed h=8 w=8 ci=10 co=24 kh=4 kw=4 stride=2 pad=1 weights=fresh");
    const Problem problem = parse_problem(text);
    const Template& phases = *template_named({"phases", 3});
    Rng rng(20261127);
    for (const Target& target : targets_here())
        for (const char* padding : {"skip_rows", "skip"})
            for (const char* order : {"panels", "pixels"})
                for (const int64_t columns : {1, 3, 4}) {
                    Conditions conditions;
                    conditions.threads = columns == 3 ? 2 : 1;
                    Schedule wish = phases.default_schedule(problem, target, conditions);
                    wish.set("vectors", int64_t{1}).set("columns", columns).set("padding", padding).set("order", order);
                    const Schedule schedule = *phases.space(problem, target, conditions).repair(wish);
                    INFO(schedule.text());
                    CHECK(schedule.choice("padding") == padding);
                    CHECK(fault_of(problem, schedule, target, conditions, columns == 1, rng) == "");
                }
}

TEST_CASE("phases: tiles of several rows and weights asked for before they are read change no result", "[kernel]") {
    const auto* const text =
        GENERATE("conv2d_transposed h=4 w=5 ci=40 co=50 kh=4 kw=4 stride=2 pad=1",
                 "conv2d_transposed n=2 h=5 w=3 ci=33 co=49 kh=5 kw=3 stride=2 pad=1 epilogue=bias,relu",
                 "conv2d_transposed h=3 w=6 ci=52 co=70 kh=3 kw=5 pad_h=0 pad_w=2 epilogue=add",
                 "conv2d_transposed h=2 w=3 ci=56 co=33 kh=5 kw=4 stride_h=2 stride_w=3 pad_h=2 pad_w=0 pad_w_end=1");
    const Problem problem = parse_problem(text);
    const Template& phases = *template_named({"phases", 3});
    Rng rng(20261202);
    std::set<std::string> tested;
    for (const Target& target : targets_here())
        for (const char* padding : {"copy", "skip"})
            for (const char* prefetch : {"no", "panel"})
                for (const int64_t rows : {1, 2, 4})
                    for (const int64_t columns : {3, 4}) {
                        Conditions conditions;
                        conditions.threads = columns == 3 ? 2 : 1;
                        Schedule wish = phases.default_schedule(problem, target, conditions);
                        wish.set("vectors", int64_t{1}).set("columns", columns).set("padding", padding);
                        wish.set("rows", rows).set("order", "panels").set("prefetch", prefetch);
                        const Schedule schedule = *phases.space(problem, target, conditions).repair(wish);
                        INFO(schedule.text());
                        if (schedule.number("rows") > 1) tested.insert("rows");
                        tested.insert(schedule.choice("prefetch"));
                        CHECK(fault_of(problem, schedule, target, conditions, columns == 3, rng) == "");
                    }
    CHECK(tested == std::set<std::string>{"rows", "no", "panel"});
}

TEST_CASE("spread: schedules compute the transposed convolution, whatever the shape", "[kernel]") {
    const auto* const text =
        GENERATE("conv2d_transposed h=1 w=1 ci=1 co=1 kh=1 kw=1",
                 "conv2d_transposed h=9 w=8 ci=16 co=3 kh=4 kw=4 stride=2 pad=1",
                 "conv2d_transposed n=2 h=5 w=4 ci=3 co=9 kh=3 kw=3 stride=2 pad=1 epilogue=bias,relu",
                 "conv2d_transposed n=2 h=6 w=7 ci=12 co=2 kh=3 kw=5 pad=1 epilogue=add",
                 "conv2d_transposed h=3 w=3 ci=5 co=1 kh=2 kw=2 stride=3",
                 "conv2d_transposed h=7 w=3 ci=16 co=3 kh=5 kw=4 stride_h=3 stride_w=2 pad_h=2 pad_w=0 pad_w_end=1",
                 "conv2d_transposed n=2 h=4 w=6 ci=9 co=12 kh=4 kw=4 stride=2 pad=1 weights=fresh");
    CHECK(fault(text, "spread", 3) == "");
    CHECK(fault(text, "spread", 2, 2) == "");
}

TEST_CASE("spread: kernels of many taps are left to templates that loop over them", "[unit]") {
    const Target target = resolve_target("host", true, nullptr);
    const Template& spread = *template_named({"spread", 1});
    const Problem large = parse_problem("conv2d_transposed h=3 w=4 ci=2 co=3 kh=64 kw=64");
    CHECK_FALSE(spread.applies(large, target));
    CHECK_FALSE(templates_for(large, target).empty());
    CHECK(spread.applies(parse_problem("conv2d_transposed h=3 w=4 ci=2 co=3 kh=64 kw=64 stride=8"), target));
}

TEST_CASE("convolutions: tiles of pixels and panels of channels may be shared out together", "[kernel]") {
    const auto* const text = GENERATE(
        "conv2d n=2 h=5 w=7 ci=12 co=110 kh=3 kw=3 pad=1 epilogue=bias,relu",
        "conv2d h=7 w=7 ci=33 co=101 kh=1 kw=1 weights=fresh",
        "conv2d n=3 h=6 w=5 ci=24 co=60 kh=3 kw=3 groups=3 pad=1 epilogue=add",
        "conv3d n=2 d=4 h=5 w=6 ci=3 co=100 kd=3 kh=3 kw=3 pad=1", "conv2d h=9 w=7 ci=16 co=100 kh=1 kw=1 stride=2",
        "capsule_conv2d h=5 w=6 ci=3 co=60 kh=3 kw=3 capsule=2 pad=1",
        "conv2d_transposed n=2 h=5 w=7 ci=3 co=100 kh=5 kw=3 stride=2 pad=1 epilogue=bias",
        "conv2d_transposed h=4 w=4 ci=8 co=33 kh=4 kw=4 stride=2 pad=1 weights=fresh");
    const Problem problem = parse_problem(text);
    const TemplateId id = problem.op() == "conv2d_transposed" ? TemplateId{"phases", 3} : TemplateId{"direct", 3};
    const Template& chosen = *template_named(id);
    Rng rng(20261129);
    for (const Target& target : targets_here())
        for (const int threads : {2, 3}) {
            Conditions conditions;
            conditions.threads = threads;
            Schedule wish = *chosen.space(problem, target, conditions).sample(rng);
            wish.set("order", "nested").set("vectors", int64_t{1});
            const Schedule schedule = *chosen.space(problem, target, conditions).repair(wish);
            INFO(schedule.text());
            CHECK(schedule.choice("order") == "nested");
            CHECK(fault_of(problem, schedule, target, conditions, threads == 2, rng) == "");
        }
}

TEST_CASE("direct: each task may have a padded copy of its own, whatever tasks are", "[kernel]") {
    const auto* const text = GENERATE("conv2d n=2 h=5 w=7 ci=12 co=110 kh=1 kw=3 pad=1 dilation=2 epilogue=bias,relu",
                                      "conv1d n=2 w=33 ci=24 co=101 kw=5 pad=2",
                                      "conv2d n=3 h=6 w=5 ci=24 co=150 kh=1 kw=3 groups=3 pad=1 weights=fresh",
                                      "conv2d n=2 h=9 w=7 ci=16 co=100 kh=1 kw=1 stride=2 epilogue=add");
    const Problem problem = parse_problem(text);
    const Template& direct = *template_named({"direct", 3});
    Rng rng(20261130);
    for (const Target& target : targets_here())
        for (const char* order : {"pixels", "panels", "nested"}) {
            Conditions conditions;
            conditions.threads = 2;
            Schedule wish = *direct.space(problem, target, conditions).sample(rng);
            wish.set("padding", conv_shape(problem).padded() ? "copy" : "gather").set("order", order);
            wish.set("vectors", int64_t{1}).set("copy_at", "block");
            const Schedule schedule = *direct.space(problem, target, conditions).repair(wish);
            INFO(schedule.text());
            CHECK(schedule.choice("order") == order);
            CHECK(schedule.choice("copy_at") == "block");
            CHECK(fault_of(problem, schedule, target, conditions, true, rng) == "");
        }
}

TEST_CASE("direct: the default shares out pixels, or channels of large weights, or both for many threads", "[unit]") {
    const Target target = resolve_target("x86-64-avx512", true, nullptr);
    const Template& direct = *template_named({"direct", 3});
    const auto order = [&](const char* text, int threads) {
        Conditions conditions;
        conditions.threads = threads;
        return direct.default_schedule(parse_problem(text), target, conditions).choice("order");
    };
    CHECK(order("conv2d h=7 w=7 ci=32 co=512 kh=3 kw=3 pad=1", 2) == "pixels");
    CHECK(order("conv2d h=7 w=7 ci=32 co=512 kh=3 kw=3 pad=1", 16) == "nested");
    CHECK(order("conv2d h=7 w=7 ci=512 co=512 kh=3 kw=3 pad=1", 2) == "panels");
    CHECK(order("conv2d h=7 w=7 ci=512 co=512 kh=3 kw=3 pad=1", 64) == "nested");
    CHECK(order("conv2d n=8 h=7 w=7 ci=32 co=512 kh=3 kw=3 pad=1", 16) == "pixels");
    CHECK(order("conv2d h=56 w=56 ci=64 co=64 kh=3 kw=3 pad=1", 16) == "pixels");
}

TEST_CASE("convolutions: loops over threads change no result", "[kernel]") {
    CHECK(fault("conv2d n=2 h=9 w=11 ci=8 co=24 kh=3 kw=3 pad=1 epilogue=bias,relu", "direct", 5, 2) == "");
    CHECK(fault("conv2d n=2 h=9 w=11 ci=20 co=20 kh=3 kw=3 pad=1 groups=20", "depthwise", 4, 2) == "");
}

}  // namespace
}  // namespace tilesmith
