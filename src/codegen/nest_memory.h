// What a loop nest touches of memory at each depth, and so what moves between the caches. Estimates from strides and
// trip counts: whole cache lines, least-recently-used caches without conflicts. Internal to src/codegen.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "codegen/loop_nest.h"

namespace tilesmith {

// Bytes in blocks of `granule` that an access touches: `trips[i]` steps of `strides[i]` elements each.
double touched_bytes(const std::vector<int64_t>& strides, const std::vector<double>& trips, int element_bytes,
                     int64_t granule);

class NestMemory {
  public:
    // Follows the loops of `main`, one of the nest's stages, together with every stage that runs inside them. Buffers
    // that stay in registers are left out.
    NestMemory(const LoopNest& nest, const NestStage& main, const std::vector<bool>& in_registers, int line_bytes);

    // Depth d: the loops of `main` from the d-th (0 is the outermost) inwards run once. As many depths as loops, and
    // one.
    [[nodiscard]] size_t depths() const { return bytes_.size(); }
    [[nodiscard]] double bytes(size_t depth) const;
    // How often depth d runs in a call.
    [[nodiscard]] double executions(size_t depth) const { return executions_[depth]; }
    // The outermost depth whose data fit into `cache_bytes`; the innermost if none does.
    [[nodiscard]] size_t fitting_depth(double cache_bytes) const;
    // Bytes that come into a cache of `cache_bytes` from beyond it in a call. What fits is also kept for the next
    // iteration of the loop around it.
    [[nodiscard]] double traffic(double cache_bytes) const;

  private:
    std::vector<std::vector<double>> bytes_;  // by depth, by buffer
    std::vector<double> executions_;
};

}  // namespace tilesmith
