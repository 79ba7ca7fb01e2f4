// The loop nest that a schedule makes, as plain numbers read from Halide's Funcs without lowering them: which stage
// runs inside which loops, how often, and how each access moves through memory. Internal to src/codegen.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "schedules/pipeline.h"

namespace tilesmith {

enum class LoopKind { serial, parallel, vectorized, unrolled };

struct NestLoop {
    std::string name;  // "func.stage.variable"
    int64_t extent = 1;
    double trips = 1;  // iterations that run, on average: less than the extent where a guard skips the rest
    LoopKind kind = LoopKind::serial;
};

struct NestBuffer {
    std::string name;
    int element_bytes = 4;
    int64_t elements = 0;
    bool internal = false;      // allocated by the kernel, once in every iteration of the innermost of `loops`
    std::vector<size_t> loops;  // around the allocation
};

struct NestAccess {
    size_t buffer = 0;  // an index into LoopNest::buffers
    bool store = false;
    std::vector<int64_t> strides;  // elements, one for each of the stage's loops; at a typical iteration
};

struct NestStage {
    std::string name;           // "func.stage"
    std::vector<size_t> loops;  // indices into LoopNest::loops, outermost first
    size_t own_loops = 0;       // how many of them, counted from the inside, are of this stage alone
    std::vector<NestAccess> accesses;
    double flops = 0;     // an iteration of the innermost loop
    double fraction = 1;  // of the iterations, those that a reduction's conditions let through
};

struct LoopNest {
    std::vector<NestLoop> loops;
    std::vector<NestBuffer> buffers;
    std::vector<NestStage> stages;  // consumers before producers
    bool prefetches_panel = false;  // Stage::prefetches
    bool prefetches_output = false;
    bool streams_output = false;  // Stage::stream_output

    // How often the innermost body of `stage` runs.
    [[nodiscard]] double iterations(const NestStage& stage) const;
};

// Freezes the schedules of `stage`. Throws Halide's errors.
LoopNest read_loop_nest(const Stage& stage);

}  // namespace tilesmith
