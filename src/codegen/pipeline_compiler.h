// Compiles pipelines of whatever origin: those that templates build (codegen/compiler.h) and those of Halide's own
// schedulers.
#pragma once

#include <Halide.h>

#include <functional>
#include <string>

#include "codegen/compiler.h"
#include "schedules/pipeline.h"

namespace tilesmith {

// The Halide target that kernels are compiled for: no runtime, no bounds queries, a user context (the workspace) as the
// first argument of every function.
Halide::Target halide_target(const Target& target);

// Object code of the pipeline that `build` returns. What `build` throws (Halide's errors, ours) becomes an outcome.
// `symbol` and `checks` are those of compile().
CompileResult compile_pipeline(const std::function<Pipeline()>& build, const Target& target, Checks checks,
                               const std::string& symbol);

}  // namespace tilesmith
