// Every template of the matmul, on shapes that divide nothing: what its schedules compute is what the naive loops
// compute, and nothing is touched outside the arguments.
#include <catch2/catch.hpp>
#include <set>
#include <string>
#include <utility>

#include "codegen/host.h"
#include "schedules/operator.h"
#include "schedules/template.h"
#include "template_check.h"

namespace tilesmith {
namespace {

std::string fault(const std::string& problem, const std::string& template_name, int random_schedules, int threads = 1) {
    Conditions conditions;
    conditions.threads = threads;
    return first_fault(problem, template_name, random_schedules, conditions, 20260201);
}

TEST_CASE("register_tile: schedules compute the product, whatever the shape", "[kernel]") {
    const auto* const text =
        GENERATE("matmul m=1 n=1 k=1", "matmul m=1 n=9 k=3", "matmul m=2 n=7 k=1", "matmul m=7 n=1 k=5",
                 "matmul m=13 n=17 k=19", "matmul b=3 m=5 n=23 k=11 ta=1", "matmul b=2 m=14 n=40 k=9 tb=1",
                 "matmul m=61 n=10 k=37 ta=1 tb=1", "matmul m=100 n=131 k=40");
    CHECK(fault(text, "register_tile", 3) == "");
}

TEST_CASE("register_tile: blocks of k that leave a remainder lose nothing", "[kernel]") {
    const auto* const text =
        GENERATE("matmul m=29 n=50 k=397", "matmul m=55 n=71 k=1201 ta=1", "matmul m=64 n=96 k=2309",
                 "matmul b=2 m=50 n=65 k=771 tb=1", "matmul m=24 n=33 k=20001");
    CHECK(fault(text, "register_tile", 4) == "");
}

TEST_CASE("register_tile: a rest of k too long to be written out is summed, wherever its operands lie", "[kernel]") {
    const auto* const text = GENERATE("matmul m=30 n=33 k=12415", "matmul m=30 n=192 k=12415 epilogue=bias",
                                      "matmul m=30 n=45 k=12415 weights=fixed", "matmul m=30 n=40 k=12415 ta=1 tb=1");
    const Problem problem = parse_problem(text);
    Conditions conditions;
    conditions.threads = GENERATE(1, 2);
    const Template& registers = *template_named({"register_tile", 2});
    Rng rng(20261126);
    int tested = 0;
    for (const Target& target : targets_here()) {
        const Space space = registers.space(problem, target, conditions);
        for (const auto& [pack_b, copy_a] : {std::pair{"none", "none"}, std::pair{"panel", "panel"},
                                             std::pair{"block", "none"}, std::pair{"whole", "block"}}) {
            Schedule wish = registers.default_schedule(problem, target, conditions);
            if (problem.weights() == Weights::fresh) wish.set("pack_b", pack_b);
            wish.set("copy_a", copy_a).set("mr", int64_t{10}).set("k_blocks", int64_t{64});
            const Schedule schedule = *space.repair(wish);
            const int64_t step = schedule.number("k_blocks") * schedule.number("k_unroll");
            if (schedule.number("k_blocks") == 1 || problem["k"] % step <= 64) continue;
            INFO(schedule.text());
            ++tested;
            CHECK(fault_of(problem, schedule, target, conditions, conditions.threads == 1, rng) == "");
        }
    }
    INFO(text);
    CHECK(tested > 0);
}

TEST_CASE("register_tile: asking for the next panel's rows changes no result and never faults", "[kernel]") {
    const auto* const text =
        GENERATE("matmul m=24 n=31 k=9", "matmul m=29 n=97 k=397", "matmul m=50 n=47 k=64 ta=1",
                 "matmul b=2 m=25 n=61 k=33 epilogue=bias,gelu", "matmul m=64 n=32 k=900",
                 "matmul m=60 n=130 k=203 weights=fixed epilogue=bias", "matmul m=70 n=64 k=900 weights=fixed");
    const Problem problem = parse_problem(text);
    const Conditions conditions;
    const Template& registers = *template_named({"register_tile", 2});
    Rng rng(20261123);
    int tested = 0;
    for (const Target& target : targets_here())
        for (const int64_t rows : {4, 6}) {
            Schedule wish = registers.default_schedule(problem, target, conditions);
            wish.set("nv", int64_t{2})
                .set("mr", rows)
                .set("pack_b", problem.weights() == Weights::fixed ? "ahead" : "panel")
                .set("order", "nm")
                .set("m_block", int64_t{64})
                .set("prefetch", "panel");
            const Schedule schedule = *registers.space(problem, target, conditions).repair(wish);
            // Wide vectors leave few tiles to share out what is asked for.
            if (schedule.choice("prefetch") != "panel") continue;
            INFO(schedule.text());
            ++tested;
            CHECK(fault_of(problem, schedule, target, conditions, false, rng) == "");
        }
    INFO(text);
    CHECK(tested > 0);
}

TEST_CASE("register_tile: weights packed beforehand give the same product", "[kernel]") {
    const auto* const text =
        GENERATE("matmul m=1 n=1 k=2 weights=fixed", "matmul m=4 n=45 k=50 weights=fixed epilogue=bias",
                 "matmul b=2 m=17 n=29 k=390 weights=fixed", "matmul m=33 n=100 k=801 tb=1 weights=fixed",
                 "matmul m=1 n=300 k=64 weights=fixed epilogue=bias,relu");
    CHECK(fault(text, "register_tile", 3) == "");
}

TEST_CASE("matmul: every template applies the epilogue in its order", "[kernel]") {
    const auto* const epilogue = GENERATE("bias", "add", "scale,bias,relu", "bias,add,relu6", "bias,gelu",
                                          "bias,gelu_tanh", "sigmoid", "scale,tanh", "bias,silu");
    const std::string suffix = std::string(" epilogue=") + epilogue;
    CHECK(fault("matmul m=19 n=37 k=23" + suffix, "register_tile", 3) == "");
    CHECK(fault("matmul m=19 n=37 k=400" + suffix, "register_tile", 3) == "");
    CHECK(fault("matmul b=2 m=5 n=11 k=23 tb=1" + suffix, "dot", 2) == "");
    CHECK(fault("matmul b=2 m=3 n=37 k=23" + suffix, "stream", 2) == "");
}

TEST_CASE("dot: schedules compute the product, whatever the shape", "[kernel]") {
    const auto* const text =
        GENERATE("matmul m=1 n=1 k=16", "matmul m=1 n=1 k=97", "matmul m=50 n=1 k=131", "matmul m=1 n=47 k=64 tb=1",
                 "matmul b=3 m=9 n=13 k=77 tb=1", "matmul m=1 n=5 k=33 ta=1 tb=1", "matmul m=70 n=3 k=203 tb=1",
                 "matmul b=2 m=71 n=5 k=90 epilogue=bias,add", "matmul m=33 n=8 k=61 weights=fixed",
                 "matmul m=5 n=67 k=45 ta=1 tb=1", "matmul b=2 m=3 n=130 k=77 tb=1 weights=fixed epilogue=bias");
    CHECK(fault(text, "dot", 3) == "");
}

TEST_CASE("small: schedules compute the product, whatever the shape", "[kernel]") {
    const auto* const text =
        GENERATE("matmul m=1 n=4 k=1", "matmul m=4 n=5 k=3", "matmul b=5 m=7 n=13 k=5 ta=1", "matmul m=16 n=16 k=16",
                 "matmul m=37 n=9 k=32 weights=fixed", "matmul b=3 m=6 n=23 k=11 epilogue=bias,add,relu");
    CHECK(fault(text, "small", 3) == "");
    CHECK(fault(text, "small", 2, 2) == "");
}

TEST_CASE("small: large matrices of a short k are left to templates that know caches and threads", "[unit]") {
    const Target target = resolve_target("host", true, nullptr);
    const Template& small = *template_named({"small", 1});
    CHECK(small.applies(parse_problem("matmul b=1000 m=32 n=32 k=32"), target));
    CHECK_FALSE(small.applies(parse_problem("matmul m=512 n=512 k=16"), target));
    CHECK_FALSE(small.applies(parse_problem("matmul m=32 n=32 k=33"), target));
}

TEST_CASE("stream: threads that share out k add up all of it", "[kernel]") {
    const auto* const text =
        GENERATE("matmul m=1 n=31 k=400", "matmul b=2 m=3 n=103 k=501", "matmul m=2 n=520 k=401 ta=1 epilogue=add",
                 "matmul m=8 n=97 k=1031 weights=fixed epilogue=bias,relu",
                 "matmul b=2 m=103 n=3 k=501 ta=1 epilogue=bias,add", "matmul m=400 n=1 k=700 ta=1 tb=1");
    const int threads = GENERATE(2, 3);
    const Problem problem = parse_problem(text);
    const Target target = resolve_target("host", true, nullptr);
    Conditions conditions;
    conditions.threads = threads;
    const Template& stream = *template_named({"stream", 3});
    const Space space = stream.space(problem, target, conditions);
    Rng rng(20261124);
    for (int repeat = 0; repeat < 3; ++repeat) {
        Schedule wish = space.sample(rng).value();
        wish.set("parallel", "k");
        const Schedule schedule = *space.repair(wish);
        INFO(schedule.text());
        CHECK(schedule.choice("parallel") == "k");
        CHECK(fault_of(problem, schedule, target, conditions, false, rng) == "");
    }
}

TEST_CASE("stream: rows of B that equal shares leave are added, however many", "[kernel]") {
    const auto* const text = GENERATE("matmul m=1 n=31 k=863", "matmul b=2 m=3 n=103 k=863 ta=1 epilogue=add",
                                      "matmul m=2 n=520 k=863", "matmul m=90 n=3 k=863 ta=1 epilogue=bias");
    const Problem problem = parse_problem(text);
    const Target target = resolve_target("host", true, nullptr);
    Conditions conditions;
    conditions.threads = 6;
    const Template& stream = *template_named({"stream", 3});
    Schedule wish = stream.default_schedule(problem, target, conditions);
    wish.set("k_rows", int64_t{16}).set("parallel", "k");
    const Schedule schedule = *stream.space(problem, target, conditions).repair(wish);
    INFO(schedule.text());
    CHECK(schedule.choice("parallel") == "k");
    CHECK(schedule.number("k_rows") == 16);  // six shares of 128 rows, and 95 more
    Rng rng(20261127);
    CHECK(fault_of(problem, schedule, target, conditions, false, rng) == "");
    CHECK(fault_of(problem, schedule, target, conditions, true, rng) == "");
}

TEST_CASE("stream: asking for B ahead of its reading changes no result and never faults", "[kernel]") {
    const auto* const text =
        GENERATE("matmul m=1 n=300 k=203", "matmul m=4 n=260 k=97 weights=fixed epilogue=bias,relu",
                 "matmul b=2 m=3 n=1100 k=41", "matmul m=8 n=96 k=700 weights=fixed", "matmul m=300 n=4 k=97 ta=1");
    const Problem problem = parse_problem(text);
    const Template& stream = *template_named({"stream", 3});
    Rng rng(20261129);
    std::set<int64_t> tested;
    for (const Target& target : targets_here())
        for (const int threads : {1, 2}) {
            Conditions conditions;
            conditions.threads = threads;
            for (const int64_t ahead : {64, 256, 1024, 4096}) {
                Schedule wish = stream.default_schedule(problem, target, conditions);
                const Schedule schedule = *stream.space(problem, target, conditions)
                                               .repair(wish.set("k_rows", int64_t{6}).set("ahead", ahead));
                INFO(schedule.text());
                tested.insert(schedule.number("ahead"));
                CHECK(fault_of(problem, schedule, target, conditions, threads == 1, rng) == "");
            }
        }
    CHECK(tested.size() >= 2);
}

TEST_CASE("stream: schedules compute the product, whatever the shape", "[kernel]") {
    const auto* const text = GENERATE("matmul m=1 n=16 k=1", "matmul m=1 n=31 k=3", "matmul m=8 n=97 k=13",
                                      "matmul b=2 m=3 n=1003 k=29", "matmul m=2 n=520 k=101 ta=1",
                                      "matmul m=5 n=8200 k=7", "matmul m=3 n=130 k=70 weights=fixed epilogue=bias",
                                      "matmul m=1003 n=1 k=29 ta=1", "matmul b=3 m=131 n=8 k=37 ta=1 epilogue=bias,add",
                                      "matmul m=520 n=3 k=70 ta=1 tb=1 weights=fixed epilogue=scale,gelu");
    CHECK(fault(text, "stream", 3) == "");
}

TEST_CASE("split_k: schedules compute the product, whatever the shape", "[kernel]") {
    const auto* const text =
        GENERATE("matmul m=1 n=16 k=2048", "matmul m=20 n=31 k=2049", "matmul m=5 n=97 k=5003 epilogue=bias,relu",
                 "matmul b=2 m=33 n=17 k=3001", "matmul m=12 n=64 k=9000 ta=1");
    CHECK(fault(text, "split_k", 3) == "");
    CHECK(fault(text, "split_k", 3, 2) == "");
}

TEST_CASE("split_k: many threads get many chunks, though short ones", "[unit]") {
    const Problem problem = parse_problem("matmul m=4 n=32 k=2048");
    const Target target = resolve_target("host", true, nullptr);
    Conditions conditions;
    conditions.threads = 64;
    const Schedule schedule = template_named({"split_k", 1})->default_schedule(problem, target, conditions);
    CHECK(schedule.number("chunks") == 16);
}

TEST_CASE("matmul: loops over threads change no result", "[kernel]") {
    CHECK(fault("matmul b=2 m=61 n=131 k=45 epilogue=bias", "register_tile", 3, 2) == "");
    CHECK(fault("matmul m=100 n=97 k=600", "register_tile", 3, 2) == "");
    CHECK(fault("matmul m=61 n=131 k=450 weights=fixed", "register_tile", 3, 2) == "");
    CHECK(fault("matmul b=2 m=21 n=13 k=45 tb=1", "dot", 4, 2) == "");
    CHECK(fault("matmul b=2 m=3 n=1003 k=45", "stream", 4, 2) == "");
    CHECK(fault("matmul b=2 m=1003 n=3 k=45 ta=1", "stream", 4, 2) == "");
    CHECK(fault("matmul b=2 m=45 n=7 k=45", "dot", 4, 2) == "");
}

}  // namespace
}  // namespace tilesmith
