// Memory asked for before it is read. Internal to src/codegen.
#pragma once

#include <Halide.h>

#include "schedules/pipeline.h"

namespace tilesmith {

// A lowered body in which the loops that consume a panel ask for the rows of the next one (see PanelPrefetch). Halide's
// own prefetch directive fetches a whole region at once, which waits for the processor's few miss registers, and as
// non-temporal data, which Zen keeps out of the L2 cache. A panel whose copy reads no plain rows is left as it is.
Halide::Internal::Stmt prefetch_panels(const Halide::Internal::Stmt& body, const PanelPrefetch& prefetch);

}  // namespace tilesmith
