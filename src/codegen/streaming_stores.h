// Vectors of the output that are stored past the caches. Internal to src/codegen.
#pragma once

#include <Halide.h>

#include "schedules/pipeline.h"

namespace tilesmith {

// The body of a lowered function, where Stage::stream_output says so with calls of the run time
// (tilesmith_rt_stream_f32x*) in place of the dense vectors that it stores to the output, and at its end one that waits
// for them. Each function waits for its own, those that Halide makes of the bodies of parallel loops too: such stores
// are not ordered, and what tells others that a task is done orders only plain ones. Stores of another form are left as
// they are.
Halide::Internal::Stmt with_streaming_stores(const Halide::Internal::Stmt& body, const Stage& stage);

}  // namespace tilesmith
