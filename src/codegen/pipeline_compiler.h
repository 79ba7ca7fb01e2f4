// Compiles pipelines of whatever origin: those that templates build (compiler.h) and those of Halide's own schedulers
// (autoscheduled.h). Internal to src/codegen.
#pragma once

#include <functional>
#include <string>

#include "codegen/compiler.h"
#include "schedules/pipeline.h"

namespace tilesmith {

// Object code of the pipeline that `build` returns. What `build` throws (Halide's errors, ours) becomes an outcome.
// `symbol` and `checks` are those of compile().
CompileResult compile_pipeline(const std::function<Pipeline()>& build, const Target& target, Checks checks,
                               const std::string& symbol);

}  // namespace tilesmith
