// Quantities of one scheduled problem, gathered from its loop nest: what features are made of. Internal to src/codegen.
#pragma once

#include <cstddef>
#include <vector>

#include "codegen/loop_nest.h"
#include "codegen/nest_memory.h"
#include "core/conditions.h"
#include "core/problem.h"
#include "core/target.h"

namespace tilesmith {

// The stage with the most arithmetic, and its innermost vectorised and unrolled loops: the register tile.
struct TileNumbers {
    double lanes_used = 1;       // of a vector register
    double fmas = 1;             // vector multiply-adds in one body
    double accumulators = 1;     // vectors summed into, or written, by one body
    double vector_loads = 0;     // in one body
    double broadcasts = 0;       // "
    double gathered_lanes = 0;   // loaded one by one
    double registers = 1;        // accumulators and operands that want to stay
    double run = 1;              // bodies until the accumulators are written
    double code_fmas = 1;        // after all unrolling, also that of loops outside the tile
    double efficiency = 1;       // estimated: of the peak while the body repeats
    double overhead_cycles = 0;  // estimated: to begin and end one run
};

// Everything but the stage of the tile, in a call.
struct OtherWork {
    double copied_bytes = 0;     // written by stages without arithmetic
    double scalar_elements = 0;  // written without vectors
    double gathered_lanes = 0;   // read one by one by vectorised stages
    double reloaded_bytes = 0;   // of sums that leave the registers and come back
    double flops = 0;
    double cycles = 0;         // estimated
    double serial_cycles = 0;  // of these, outside parallel loops
    double allocations = 0;    // on the heap
    double allocated_bytes = 0;
};

struct ParallelNumbers {
    double tasks = 1;    // of one run of the parallel loop around the tile; 1 without
    double regions = 0;  // how often it starts; 0 without
};

struct NestAnalysis {
    NestAnalysis(const LoopNest& nest, const Problem& problem, const Target& target, const Conditions& conditions);

    const Target& target;
    const Conditions& conditions;
    double problem_flops, problem_bytes, reduction, outputs;
    double executed_flops = 0;  // by the stage of the tile
    double fraction = 1;        // NestStage::fraction of it
    double guarded = 1;         // iterations that guards skip: extents over trips, of its loops
    TileNumbers tile;
    OtherWork other;
    ParallelNumbers parallel;

    size_t run_depth = 0;              // the depth of NestMemory at which one run of the tile happens
    std::vector<size_t> outer_depths;  // of the loops around it that run more than once, innermost first
    std::vector<double> outer_trips;   // "
    std::vector<double> depth_bytes;   // NestMemory::bytes
    double traffic_l1 = 0, traffic_l2 = 0, traffic_l3 = 0;  // bytes into each
    double outside_l1 = 1, outside_l2 = 1;                  // how often what fits is replaced
    double fit_l1 = 0, fit_l2 = 0;                          // bytes at the depth that fits
    double run_pages = 0;                                   // of memory touched by one run
    bool prefetches_panel = false;                          // as in LoopNest
    bool prefetches_output = false;
    bool streams_output = false;
    double run_conflicts = 0;  // lines of one access of a run, over those its cache sets hold

    [[nodiscard]] double ideal_cycles() const;    // the problem at the target's peak, one thread
    [[nodiscard]] double compute_cycles() const;  // estimated, the tile's stage
    [[nodiscard]] double memory_cycles() const;   // estimated, if nothing overlapped
    [[nodiscard]] double total_cycles() const;

  private:
    void read_tile(const LoopNest& nest, const NestStage& main);
    void read_loads(const LoopNest& nest, const NestStage& main, size_t body);
    void read_other(const LoopNest& nest, const NestStage& main);
    void read_memory(const LoopNest& nest, const NestStage& main);
    void read_run(const LoopNest& nest, const NestStage& main);
    void read_parallel(const LoopNest& nest, const NestStage& main);
};

}  // namespace tilesmith
