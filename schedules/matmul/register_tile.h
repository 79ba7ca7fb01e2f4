// The template register_tile: a cache-blocked matmul around a register tile, with packing and blocking as decisions.
#pragma once

#include "schedules/template.h"

namespace tilesmith {

// What and how: register_tile.cpp. Which: register_tile_space.cpp.
Pipeline build_register_tile(const Problem& problem, const Schedule& schedule, const Target& target,
                             const Conditions& conditions);

}  // namespace tilesmith
