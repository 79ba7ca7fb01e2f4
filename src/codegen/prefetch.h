// Memory asked for before it is used. Internal to src/codegen.
#pragma once

#include <Halide.h>

#include "schedules/pipeline.h"

namespace tilesmith {

// A lowered body that asks for memory ahead as Stage::prefetches says: for the next panel or tile, or for where the
// sums of a tile will go. Halide's own prefetch directive fetches a whole region at once, which waits for the
// processor's few miss registers, and as non-temporal data, which Zen keeps out of the L2 cache. Loops of another form
// are left as they are.
Halide::Internal::Stmt with_prefetches(const Halide::Internal::Stmt& body, const Stage& stage);

}  // namespace tilesmith
