#include "codegen/compiler.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "codegen/in_place.h"
#include "codegen/inspect.h"
#include "codegen/lowering.h"
#include "core/error.h"
#include "core/target.h"
#include "schedules/operator.h"
#include "schedules/template.h"

namespace tilesmith {
namespace {

Target avx2() { return target_named("x86-64-avx2"); }

// A copy whose vector of eight does not divide its 20 elements, with the given tail.
Stage copy_of_20(Halide::TailStrategy tail) {
    Stage stage;
    const Halide::ImageParam input(Halide::Float(32), 1, "input");
    const Halide::Var x("x");
    stage.output = Halide::Func("output");
    stage.output(x) = input(x);
    stage.output.vectorize(x, 8, tail);
    stage.inputs = {input};
    stage.input_extents = {{20}};
    stage.output_extents = {20};
    return stage;
}

TEST_CASE("compiler: a schedule that reads beyond its input is found before code generation", "[unit]") {
    Halide::Module module("copy", halide_target(avx2()));
    append_stage(module, copy_of_20(Halide::TailStrategy::RoundUp), "copy");
    const auto violation = known_violation(module);
    REQUIRE(violation);
    CHECK(violation->find("0 to 23 are touched, but it has only 0 to 19") != std::string::npos);
}

TEST_CASE("compiler: a schedule that guards its tail is legal", "[unit]") {
    Halide::Module module("copy", halide_target(avx2()));
    append_stage(module, copy_of_20(Halide::TailStrategy::GuardWithIf), "copy");
    CHECK_FALSE(known_violation(module));
}

TEST_CASE("compiler: an input may be the output where each element is read once, in its place", "[unit]") {
    using Places = std::vector<size_t>;
    CHECK(in_place_inputs(copy_of_20(Halide::TailStrategy::GuardWithIf)) == Places{0});
    CHECK(in_place_inputs(copy_of_20(Halide::TailStrategy::ShiftInwards)).empty());

    const Halide::Var x("x"), y("y");
    const auto reading = [&](const std::function<Halide::Expr(const Halide::ImageParam&)>& value) {
        Stage stage;
        const Halide::ImageParam input(Halide::Float(32), 1, "input");
        stage.output = Halide::Func("output");
        stage.output(x, y) = value(input);
        stage.inputs = {input};
        stage.input_extents = {{20}};
        stage.output_extents = {5, 4};
        return in_place_inputs(stage);
    };
    CHECK(reading([&](const Halide::ImageParam& input) { return input(x + 5 * y) + 1; }) == Places{0});
    CHECK(reading([&](const Halide::ImageParam& input) { return input(4 * x + y) + 1; }).empty());
    CHECK(reading([&](const Halide::ImageParam& input) { return input(x + 5 * y) + input(0); }).empty());
    CHECK(reading([&](const Halide::ImageParam& input) {
              Halide::Func other("other");
              other(x) = input(x);
              other.compute_root();
              return input(x + 5 * y) + other(x);
          }).empty());
}

TEST_CASE("compiler: of an operator's arguments, what is added may be the output in some schedules", "[unit]") {
    const Problem problem = parse_problem("conv2d h=9 w=8 ci=16 co=32 kh=1 kw=1 epilogue=bias,add,relu");
    const Template& direct = *templates_for(problem, avx2()).front();
    const Space space = direct.space(problem, avx2(), Conditions{});
    Rng rng(20261126);
    int may = 0, may_not = 0;
    for (int i = 0; i < 40; ++i) {
        const Schedule schedule = space.sample(rng).value();
        const CompileResult compiled = compile(problem, schedule, avx2(), Conditions{}, Checks::none, "kernel");
        REQUIRE(compiled.kernel);
        may_not += compiled.kernel->in_place.empty() ? 1 : 0;
        may += compiled.kernel->in_place == std::vector<size_t>{3} ? 1 : 0;
    }
    CHECK(may > 0);
    CHECK(may_not > 0);
    CHECK(may + may_not == 40);
}

TEST_CASE("compiler: an allocation inside a parallel loop counts for each thread", "[unit]") {
    constexpr int kRows = 8;
    constexpr int kColumns = 64 * 1024;
    Stage stage;
    const Halide::Var x("x"), y("y");
    Halide::Func row("row");
    row(x, y) = Halide::cast<float>(x + y);
    stage.output = Halide::Func("output");
    stage.output(x, y) = row(x, y) + row(kColumns - 1 - x, y);
    stage.output.parallel(y);
    row.compute_at(stage.output, y);
    stage.output_extents = {kColumns, kRows};
    Halide::Module module("rows", halide_target(avx2()));
    append_stage(module, stage, "rows");
    const HeapUse use = heap_use(module);
    CHECK(use.once == 0);
    CHECK(use.per_thread >= kColumns * 4);
    CHECK(use.per_thread < kColumns * 4 + 4096);
}

TEST_CASE("compiler: an allocation that the edge cuts off counts as a whole one", "[unit]") {
    constexpr int kTile = 64 * 1024;
    Stage stage;
    const Halide::Var x("x"), tile("tile");
    Halide::Func row("row");
    row(x) = Halide::cast<float>(x);
    stage.output = Halide::Func("output");
    stage.output(x) = row(x) * 2;
    stage.output.split(x, tile, x, kTile, Halide::TailStrategy::GuardWithIf);
    row.compute_at(stage.output, tile);
    stage.output_extents = {kTile + 1000};
    Halide::Module module("tiles", halide_target(avx2()));
    append_stage(module, stage, "tiles");
    const HeapUse use = heap_use(module);
    CHECK(use.once >= kTile * 4);
    CHECK(use.once < 3 * (kTile * 4 + 4096));  // Halide may make loops of their own for the edges
}

TEST_CASE("compiler: an allocation that nothing bounds is refused", "[unit]") {
    namespace Ir = Halide::Internal;
    const Halide::Expr size = Ir::Variable::make(Halide::Int(32), "size");
    const Ir::Stmt body = Ir::Allocate::make("block", Halide::Float(32), Halide::MemoryType::Heap, {size},
                                             Ir::const_true(), Ir::Evaluate::make(0));
    Halide::Module module("unbounded", halide_target(avx2()));
    module.append(
        Ir::LoweredFunc("unbounded", std::vector<Ir::LoweredArgument>{}, body, Halide::LinkageType::External));
    CHECK_THROWS_AS(heap_use(module), Error);
}

TEST_CASE("compiler: a schedule of an unknown template is a failed compilation with its reason", "[unit]") {
    const Problem problem = parse_problem("matmul m=4 n=4 k=4");
    const CompileResult result =
        compile(problem, Schedule(TemplateId{"no_such_template", 1}), avx2(), Conditions{}, Checks::none, "k");
    CHECK(result.outcome.status == Status::compile_failed);
    CHECK(result.outcome.reason.find("no_such_template") != std::string::npos);
    CHECK_FALSE(result.kernel);
}

TEST_CASE("compiler: packing is compiled along where weights are fixed", "[kernel]") {
    const Problem problem = parse_problem("matmul m=20 n=40 k=300 weights=fixed");
    const Conditions conditions;
    const CompileResult result = compile(problem, default_schedule(problem, avx2(), conditions), avx2(), conditions,
                                         Checks::assertions, "fixed");
    REQUIRE(result.kernel);
    CHECK(result.kernel->run_symbol == "fixed");
    CHECK(result.kernel->pack_symbol == "fixed_pack_w");
    CHECK(result.kernel->packed_bytes >= 300 * 40 * 4);
    CHECK(result.outcome.compile_ms > 0);
}

// The machine code of what `wish`, repaired, compiles to.
MachineCode machine_code(const Problem& problem, const Schedule& wish) {
    const Conditions conditions;
    const Space space = template_named(wish.template_id())->space(problem, avx2(), conditions);
    const CompileResult result = compile(problem, *space.repair(wish), avx2(), conditions, Checks::none, "prefetching");
    REQUIRE(result.kernel);
    return disassemble(result.kernel->object, avx2().llvm_cpu);
}

bool is_fetch(const std::string& line) { return line.find("prefetcht0") != std::string::npos; }

// How many prefetches stand in its hottest loop.
int64_t fetches_in_loop(const Problem& problem, const Schedule& wish) {
    const std::vector<std::string> lines = machine_code(problem, wish).loops.front().lines;
    return std::count_if(lines.begin(), lines.end(), is_fetch);
}

int64_t fetches(const Problem& problem, const Schedule& wish) {
    std::istringstream text(machine_code(problem, wish).text);
    int64_t count = 0;
    for (std::string line; std::getline(text, line);) count += is_fetch(line) ? 1 : 0;
    return count;
}

TEST_CASE("compiler: the rows of the next panel are asked for in the loop that reads this one", "[kernel]") {
    const Problem problem = parse_problem("matmul m=40 n=100 k=64");
    Schedule wish = default_schedule(problem, avx2(), {});
    wish.set("pack_b", "panel").set("m_block", int64_t{40});
    CHECK(fetches_in_loop(problem, wish.set("prefetch", "no")) == 0);
    CHECK(fetches_in_loop(problem, wish.set("prefetch", "panel")) >= 1);
}

TEST_CASE("compiler: the next panel of packed weights is asked for in the loop that reads this one", "[kernel]") {
    const auto* const text = GENERATE("conv2d h=7 w=7 ci=160 co=96 kh=1 kw=1", "conv2d h=9 w=9 ci=64 co=64 kh=3 kw=3");
    const Problem problem = parse_problem(text);
    Schedule wish = template_named({"direct", 3})->default_schedule(problem, avx2(), {});
    wish.set("pixel_block", int64_t{8}).set("inner", "pixels");
    CHECK(fetches_in_loop(problem, wish.set("prefetch", "no")) == 0);
    CHECK(fetches_in_loop(problem, wish.set("prefetch", "panel")) >= 1);
}

TEST_CASE("compiler: tiles that leave padding out ask for the next panel too", "[kernel]") {
    const auto* const text =
        GENERATE("conv2d h=7 w=7 ci=64 co=64 kh=3 kw=3 pad=1", "conv2d h=7 w=14 ci=64 co=64 kh=3 kw=3 pad=1");
    const Problem problem = parse_problem(text);
    Schedule wish = template_named({"direct", 3})->default_schedule(problem, avx2(), {});
    wish.set("padding", "skip").set("vectors", int64_t{1}).set("columns", int64_t{7});
    wish.set("pixel_block", int64_t{7}).set("inner", "pixels");
    CHECK(fetches_in_loop(problem, wish.set("prefetch", "no")) == 0);
    CHECK(fetches_in_loop(problem, wish.set("prefetch", "panel")) >= 1);
}

TEST_CASE("compiler: the next panel of a packed B is asked for in the loop that reads this one", "[kernel]") {
    const auto* const text =
        GENERATE("matmul m=96 n=128 k=300 weights=fixed", "matmul m=100 n=200 k=1200 weights=fixed");
    const Problem problem = parse_problem(text);
    Schedule wish = template_named({"register_tile", 2})->default_schedule(problem, avx2(), {});
    wish.set("order", "nm").set("m_block", int64_t{16});
    CHECK(fetches_in_loop(problem, wish.set("prefetch", "no")) == 0);
    CHECK(fetches_in_loop(problem, wish.set("prefetch", "panel")) >= 1);
}

TEST_CASE("compiler: each line of a B that is streamed is asked for once, ahead of its reading", "[kernel]") {
    const Problem problem = parse_problem("matmul m=4 n=512 k=512");
    Schedule wish = template_named({"stream", 3})->default_schedule(problem, avx2(), {});
    // Of 8 rows, two vectors of half a line.
    wish.set("n_block", int64_t{512}).set("k_rows", int64_t{8}).set("n_unroll", int64_t{2});
    CHECK(fetches_in_loop(problem, wish.set("ahead", int64_t{0})) == 0);
    CHECK(fetches_in_loop(problem, wish.set("ahead", int64_t{256})) == 8);
}

TEST_CASE("compiler: the pixels of the next tile are asked for in the loop that reads this one's", "[kernel]") {
    const Problem problem = parse_problem("conv2d h=14 w=14 ci=144 co=24 kh=1 kw=1 epilogue=add");
    Schedule wish = template_named({"direct", 3})->default_schedule(problem, avx2(), {});
    wish.set("inner", "pixels");
    CHECK(fetches_in_loop(problem, wish.set("prefetch", "no")) == 0);
    CHECK(fetches_in_loop(problem, wish.set("prefetch", "pixels")) >= 1);
}

TEST_CASE("compiler: while a tile is summed, each line that its end needs is asked for once", "[kernel]") {
    // A tile is stored to four lines, and as many hold what is added to it.
    const auto [text, lines] =
        GENERATE(table<std::string, int64_t>({{"conv2d h=24 w=24 ci=16 co=32 kh=1 kw=1 epilogue=bias", 4},
                                              {"conv2d h=24 w=24 ci=16 co=32 kh=1 kw=1 epilogue=bias,add", 8}}));
    const Problem problem = parse_problem(text);
    Schedule wish = template_named({"direct", 3})->default_schedule(problem, avx2(), {});
    wish.set("vectors", int64_t{2}).set("columns", int64_t{4});
    CHECK(fetches(problem, wish.set("prefetch_output", int64_t{0})) == 0);
    CHECK(fetches(problem, wish.set("prefetch_output", int64_t{1})) == lines);
    CHECK(fetches_in_loop(problem, wish) == 0);
}

int count_of(const std::string& part, const std::string& text) {
    int count = 0;
    for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
    return count;
}

// The lowered functions of an output of 40 x 96 elements, in steps of two vectors of 8, with a task a row.
std::vector<std::string> streaming_functions(bool stream) {
    Stage stage;
    const Halide::Var x("x"), y("y"), lane("lane"), vector("vector");
    stage.output = Halide::Func("output");
    stage.output(x, y) = Halide::cast<float>(x + y);
    stage.output.split(x, x, lane, 16, Halide::TailStrategy::ShiftInwards)
        .split(lane, vector, lane, 8)
        .vectorize(lane)
        .unroll(vector)
        .parallel(y);
    stage.output_extents = {96, 40};
    stage.stream_output = stream;
    Halide::Module module("streaming", halide_target(avx2()));
    append_stage(module, stage, "streaming");
    std::vector<std::string> texts;
    for (const auto& function : module.functions()) {
        std::ostringstream text;
        text << function.body;
        texts.push_back(text.str());
    }
    return texts;
}

TEST_CASE("compiler: what stores past the caches waits for its stores, in every function that has some", "[unit]") {
    int streaming = 0;
    for (const std::string& text : streaming_functions(true)) {
        const int stores = count_of("tilesmith_rt_stream_f32x8(", text);
        CHECK((stores == 0 || stores == 2));
        CHECK(count_of("tilesmith_rt_stream_end(", text) == (stores == 0 ? 0 : 1));
        if (stores == 0) continue;
        ++streaming;
        CHECK(text.find("tilesmith_rt_stream_end(") > text.rfind("tilesmith_rt_stream_f32x8("));
        CHECK(count_of("output[", text) == 0);
    }
    CHECK(streaming == 1);
    for (const std::string& text : streaming_functions(false)) CHECK(count_of("tilesmith_rt_stream", text) == 0);
}

TEST_CASE("inspect: an iteration takes no fewer cycles than its multiply-adds need", "[kernel]") {
    const Problem problem = parse_problem("matmul m=96 n=96 k=96");
    const CompileResult result =
        compile(problem, default_schedule(problem, avx2(), {}), avx2(), {}, Checks::none, "analysed");
    REQUIRE(result.kernel);
    const MachineLoop loop = disassemble(result.kernel->object, "haswell").loops.front();
    const LoopThroughput throughput = throughput_of(result.kernel->object, "haswell", loop);
    constexpr double kFmaPorts = 2;
    CHECK(throughput.limit_cycles >= loop.multiply_adds / kFmaPorts);
    CHECK(throughput.cycles >= throughput.limit_cycles - 0.05);
    CHECK(throughput.cycles <= 2 * throughput.limit_cycles);
    CHECK_FALSE(throughput.limited_by.empty());
}

TEST_CASE("inspect: code without multiply-adds or without a loop is found too", "[kernel]") {
    const auto hottest = [](const Problem& problem, const Schedule& schedule) {
        const CompileResult result = compile(problem, schedule, avx2(), {}, Checks::none, "analysed");
        REQUIRE(result.kernel);
        const MachineLoop loop = disassemble(result.kernel->object, "haswell").loops.at(0);
        CHECK(throughput_of(result.kernel->object, "haswell", loop).cycles > 0);
        return loop;
    };
    const Problem pool = parse_problem("max_pool h=14 w=14 c=32 kh=3 kw=3");
    const MachineLoop pooling = hottest(pool, default_schedule(pool, avx2(), {}));
    CHECK(pooling.repeats);
    CHECK(pooling.multiply_adds == 0);
    CHECK(pooling.vector_operations > 0);

    const Problem product = parse_problem("matmul m=4 n=8 k=4");
    const MachineLoop whole = hottest(product, template_named({"small", 1})->default_schedule(product, avx2(), {}));
    CHECK_FALSE(whole.repeats);
    CHECK(whole.multiply_adds >= 12);
}

TEST_CASE("compiler: the loop nest of a schedule can be read", "[unit]") {
    const Problem problem = parse_problem("matmul m=20 n=40 k=30");
    const Conditions conditions;
    const std::string text = loop_nest_text(problem, default_schedule(problem, avx2(), conditions), avx2(), conditions);
    CHECK(text.find("vectorized") != std::string::npos);
    CHECK(text.find("produce") != std::string::npos);
}

}  // namespace
}  // namespace tilesmith
