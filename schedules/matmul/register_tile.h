// The template register_tile: a cache-blocked matmul around a register tile, with packing and blocking as decisions.
#pragma once

#include "schedules/template.h"

namespace tilesmith {

struct RegisterTiledMatmul {
    static TemplateId id() { return {"register_tile", 2}; }
    static bool applies(const Problem& problem, const Target& target);
    // Which: register_tile_space.cpp.
    static Space space(const Problem& problem, const Target& target, const Conditions& conditions);
    static Schedule default_schedule(const Problem& problem, const Target& target, const Conditions& conditions);
    // What and how: register_tile.cpp.
    static Pipeline build(const Problem& problem, const Schedule& schedule, const Target& target,
                          const Conditions& conditions);
};

}  // namespace tilesmith
