// From a built pipeline to a Halide module of plain functions on raw pointers. Internal to src/codegen.
#pragma once

#include <Halide.h>

#include <optional>
#include <string>

#include "codegen/compiler.h"
#include "schedules/pipeline.h"

namespace tilesmith {

// The Halide target that kernels are compiled for: no runtime, no bounds queries, a user context (the workspace) as the
// first argument of every function.
Halide::Target halide_target(const Target& target);

// Tells Halide that every buffer of `stage` is dense with the extents it names.
void declare_buffers(const Stage& stage);

// Adds to `module` the stage, as an internal function, and `symbol`: int symbol(void* workspace, input..., output).
void append_stage(Halide::Module& module, const Stage& stage, const std::string& symbol);

// Why the lowered code of `module` would leave its buffers: the message of an assertion that is known to fail, null if
// none is. Halide states what a kernel touches as assertions on its buffers' bounds, which are constants here.
std::optional<std::string> known_violation(const Halide::Module& module);

// `module` without its assertions.
Halide::Module without_assertions(const Halide::Module& module);

struct HeapUse {
    int64_t once = 0;        // bytes a call
    int64_t per_thread = 0;  // bytes for each thread that runs a parallel loop
};
// An upper bound of what the functions of `module` take from halide_malloc, with the runtime's overhead. Throws
// run_failed where nothing bounds the size of an allocation.
HeapUse heap_use(const Halide::Module& module);

}  // namespace tilesmith
