#include "codegen/nest_analysis.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>

#include "schedules/operator.h"

namespace tilesmith {

namespace {

constexpr double kFmaLatencyCycles = 4;     // 4 or 5 on every core of the last decade
constexpr double kTileCycles = 12;          // to begin and end a run of the tile
constexpr double kAccumulatorCycles = 1.5;  // to clear and write one accumulator
constexpr double kPageBytes = 4096;
constexpr double kFirstLevelSets = 64;
// Sustained bytes a cycle into L1, L2 and L3: rough, to weigh them against each other.
constexpr double kBytesIntoL1 = 64;
constexpr double kBytesIntoL2 = 24;
constexpr double kBytesIntoL3 = 8;
constexpr double kHeapBytes = 16 * 1024;  // smaller allocations live on the stack

// Loops that become straight code in registers.
bool is_flat(const NestLoop& loop) {
    return loop.kind == LoopKind::vectorized || loop.kind == LoopKind::unrolled || loop.extent == 1;
}

double flops_of(const LoopNest& nest, const NestStage& stage) { return nest.iterations(stage) * stage.flops; }

// The stage of the tile: where most of the arithmetic is.
const NestStage& main_stage(const LoopNest& nest) {
    return *std::max_element(nest.stages.begin(), nest.stages.end(), [&](const NestStage& a, const NestStage& b) {
        return flops_of(nest, a) < flops_of(nest, b);
    });
}

// The place, among the stage's loops, of its vectorised one; its number of loops if it has none.
size_t vector_loop(const LoopNest& nest, const NestStage& stage) {
    const auto found = std::find_if(stage.loops.rbegin(), stage.loops.rend(),
                                    [&](size_t loop) { return nest.loops[loop].kind == LoopKind::vectorized; });
    return found == stage.loops.rend() ? stage.loops.size() : static_cast<size_t>(stage.loops.rend() - found) - 1;
}

// The first of the innermost loops of a stage that are all flat.
size_t body_of(const LoopNest& nest, const NestStage& stage) {
    size_t body = stage.loops.size();
    const size_t first = stage.loops.size() - stage.own_loops;
    while (body > first && is_flat(nest.loops[stage.loops[body - 1]])) --body;
    return body;
}

}  // namespace

NestAnalysis::NestAnalysis(const LoopNest& nest, const Problem& problem, const Target& the_target,
                           const Conditions& the_conditions)
    : target(the_target), conditions(the_conditions) {
    const Operator& op = operator_of(problem);
    problem_flops = op.flops(problem);
    problem_bytes = compulsory_bytes(problem);
    reduction = static_cast<double>(op.reduction(problem));
    outputs = static_cast<double>(op.arguments(problem).back().elements());
    const NestStage& main = main_stage(nest);
    executed_flops = flops_of(nest, main);
    fraction = main.fraction;
    for (const size_t loop : main.loops)
        guarded *= static_cast<double>(nest.loops[loop].extent) / nest.loops[loop].trips;
    read_tile(nest, main);
    read_other(nest, main);
    read_memory(nest, main);
    read_run(nest, main);
    read_parallel(nest, main);
}

void NestAnalysis::read_tile(const LoopNest& nest, const NestStage& main) {
    const double lanes = target.lanes(4);
    const size_t body = body_of(nest, main);
    const size_t vector = vector_loop(nest, main);
    const double width = vector < main.loops.size() ? static_cast<double>(nest.loops[main.loops[vector]].extent) : 1;
    const double vectors = std::ceil(width / lanes);
    tile.lanes_used = width / (vectors * lanes);
    tile.fmas = tile.accumulators = vectors;
    const NestAccess& store = main.accesses.front();
    for (size_t i = body; i < main.loops.size(); ++i) {
        if (i == vector) continue;
        const auto extent = static_cast<double>(nest.loops[main.loops[i]].extent);
        tile.fmas *= extent;
        if (store.strides[i] != 0) tile.accumulators *= extent;
    }
    read_loads(nest, main, body);
    // The operand with fewer registers stays, the other passes through one.
    tile.registers = tile.accumulators + std::min(tile.vector_loads, tile.broadcasts) + 1;
    run_depth = body;
    const size_t first_own = main.loops.size() - main.own_loops;
    while (run_depth > first_own && store.strides[run_depth - 1] == 0) --run_depth;
    for (size_t i = run_depth; i < body; ++i) tile.run *= nest.loops[main.loops[i]].trips;
    tile.run *= main.fraction;
    tile.code_fmas = tile.fmas;
    for (size_t i = 0; i < body; ++i)
        if (is_flat(nest.loops[main.loops[i]])) tile.code_fmas *= static_cast<double>(nest.loops[main.loops[i]].extent);
    const double issue = tile.fmas / target.fma_per_cycle;
    const double spilled = std::max(0.0, tile.registers - target.vector_registers);
    const double loads =
        (tile.vector_loads + tile.broadcasts + tile.gathered_lanes + 2 * spilled) / target.loads_per_cycle;
    const double latency = kFmaLatencyCycles * tile.fmas / tile.accumulators;
    tile.efficiency = issue / std::max({issue, loads, latency});
    tile.overhead_cycles = kTileCycles + kAccumulatorCycles * tile.accumulators;
}

void NestAnalysis::read_loads(const LoopNest& nest, const NestStage& main, size_t body) {
    const double lanes = target.lanes(4);
    const size_t vector = vector_loop(nest, main);
    for (const NestAccess& access : main.accesses) {
        if (access.store || access.buffer == main.accesses.front().buffer) continue;
        double count = 1;
        for (size_t i = body; i < main.loops.size(); ++i)
            if (i != vector && access.strides[i] != 0) count *= static_cast<double>(nest.loops[main.loops[i]].extent);
        if (vector == main.loops.size() || access.strides[vector] == 0) {
            tile.broadcasts += count;
            continue;
        }
        const auto width = static_cast<double>(nest.loops[main.loops[vector]].extent);
        if (access.strides[vector] == 1)
            tile.vector_loads += count * std::ceil(width / lanes);
        else
            tile.gathered_lanes += count * width;
    }
}

void NestAnalysis::read_other(const LoopNest& nest, const NestStage& main) {
    const double lanes = target.lanes(4);
    for (const NestStage& stage : nest.stages) {
        if (&stage == &main) continue;
        const double elements = nest.iterations(stage);
        const size_t vector = vector_loop(nest, stage);
        const bool vectorised = vector < stage.loops.size() && stage.accesses.front().strides[vector] == 1;
        double cycles = vectorised ? elements / lanes : elements;
        if (!vectorised) other.scalar_elements += elements;
        bool reloads = false;
        bool loads = false;
        for (const NestAccess& access : stage.accesses) {
            if (access.store) continue;
            loads = true;
            reloads = reloads || access.buffer == stage.accesses.front().buffer;
            if (!vectorised || access.strides[vector] == 0 || access.strides[vector] == 1) continue;
            other.gathered_lanes += elements;
            cycles += elements;
        }
        if (loads && stage.flops == 0) other.copied_bytes += elements * 4;
        if (reloads) other.reloaded_bytes += elements * 8;
        other.flops += elements * stage.flops;
        cycles += elements * stage.flops / lanes / target.fma_per_cycle;
        other.cycles += cycles;
        const bool inside_parallel = std::any_of(stage.loops.begin(), stage.loops.end(), [&](size_t loop) {
            return nest.loops[loop].kind == LoopKind::parallel;
        });
        if (!inside_parallel) other.serial_cycles += cycles;
    }
    for (const NestBuffer& buffer : nest.buffers) {
        const double bytes = static_cast<double>(buffer.elements) * buffer.element_bytes;
        if (!buffer.internal || bytes < kHeapBytes) continue;
        double times = 1;
        for (const size_t loop : buffer.loops) times *= nest.loops[loop].trips;
        other.allocations += times;
        other.allocated_bytes += bytes;
    }
}

void NestAnalysis::read_memory(const LoopNest& nest, const NestStage& main) {
    prefetches_panel = nest.prefetches_panel;
    prefetches_output = nest.prefetches_output;
    streams_output = nest.streams_output;
    const double register_bytes = target.vector_registers * target.vector_bits / 8.0;
    std::vector<bool> in_registers;
    for (const NestBuffer& buffer : nest.buffers)
        in_registers.push_back(buffer.internal &&
                               static_cast<double>(buffer.elements) * buffer.element_bytes <= 2 * register_bytes);
    const NestMemory memory(nest, main, in_registers, target.line_bytes);
    for (size_t depth = 0; depth < memory.depths(); ++depth) depth_bytes.push_back(memory.bytes(depth));
    for (size_t depth = run_depth; depth-- > 0;) {
        const double trips = nest.loops[main.loops[depth]].trips;
        if (trips <= 1) continue;
        outer_depths.push_back(depth);
        outer_trips.push_back(trips);
    }
    const auto l1 = static_cast<double>(target.l1_bytes);
    const auto l2 = static_cast<double>(target.l2_bytes);
    const auto l3 = static_cast<double>(std::max(target.l3_bytes, target.l2_bytes));
    traffic_l1 = memory.traffic(l1);
    traffic_l2 = memory.traffic(l2);
    traffic_l3 = memory.traffic(l3);
    outside_l1 = memory.executions(memory.fitting_depth(l1));
    outside_l2 = memory.executions(memory.fitting_depth(l2));
    fit_l1 = depth_bytes[memory.fitting_depth(l1)];
    fit_l2 = depth_bytes[memory.fitting_depth(l2)];
}

// Pages and cache sets that one run of the tile uses.
void NestAnalysis::read_run(const LoopNest& nest, const NestStage& main) {
    const double ways = static_cast<double>(target.l1_bytes) / (kFirstLevelSets * target.line_bytes);
    for (const NestAccess& access : main.accesses) {
        const NestBuffer& buffer = nest.buffers[access.buffer];
        if (access.store || access.buffer == main.accesses.front().buffer) continue;
        std::vector<int64_t> strides(access.strides.begin() + static_cast<std::ptrdiff_t>(run_depth),
                                     access.strides.end());
        std::vector<double> trips;
        for (size_t i = run_depth; i < main.loops.size(); ++i) {
            const NestLoop& loop = nest.loops[main.loops[i]];
            trips.push_back(loop.trips);
            const int64_t step = std::abs(strides[i - run_depth]) * buffer.element_bytes;
            if (step < target.line_bytes) continue;
            // Lines a step apart fall into this many sets only.
            const double sets =
                kFirstLevelSets /
                std::gcd(static_cast<double>(step % target.line_bytes) > 0 ? int64_t{1} : step / target.line_bytes,
                         static_cast<int64_t>(kFirstLevelSets));
            run_conflicts = std::max(run_conflicts, loop.trips / (sets * ways));
        }
        run_pages += touched_bytes(strides, trips, buffer.element_bytes, static_cast<int64_t>(kPageBytes)) / kPageBytes;
    }
}

void NestAnalysis::read_parallel(const LoopNest& nest, const NestStage& main) {
    double outside = 1;
    for (const size_t loop : main.loops) {
        if (nest.loops[loop].kind == LoopKind::parallel) {
            parallel.tasks = nest.loops[loop].trips;
            parallel.regions = outside;
            return;
        }
        outside *= nest.loops[loop].trips;
    }
}

double NestAnalysis::ideal_cycles() const { return problem_flops / (2.0 * target.lanes(4) * target.fma_per_cycle); }

double NestAnalysis::compute_cycles() const {
    const double peak = 2.0 * target.lanes(4) * tile.lanes_used * target.fma_per_cycle;
    const double bodies = executed_flops / (2.0 * target.lanes(4) * tile.lanes_used * tile.fmas);
    return executed_flops / (peak * tile.efficiency) + bodies / std::max(1.0, tile.run) * tile.overhead_cycles;
}

double NestAnalysis::memory_cycles() const {
    return traffic_l1 / kBytesIntoL1 + traffic_l2 / kBytesIntoL2 + traffic_l3 / kBytesIntoL3;
}

double NestAnalysis::total_cycles() const {
    const double compute = compute_cycles();
    const double memory = memory_cycles();
    const double overlapped = std::max(compute, memory) + 0.25 * std::min(compute, memory);
    const double rounds = std::ceil(parallel.tasks / conditions.threads);
    const double shared = parallel.regions > 0 ? rounds / parallel.tasks : 1;
    return (overlapped + other.cycles - other.serial_cycles) * shared + other.serial_cycles;
}

}  // namespace tilesmith
