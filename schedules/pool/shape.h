// A pooling's extents and what follows from them.
#pragma once

#include <cstdint>
#include <vector>

#include "core/problem.h"
#include "schedules/conv/shape.h"

namespace tilesmith {

struct PoolShape {
    explicit PoolShape(const Problem& p)
        : n(p["n"]),
          h(p["h"]),
          w(p["w"]),
          c(p["c"]),
          kh(p["kh"]),
          kw(p["kw"]),
          stride_h(p["stride_h"]),
          stride_w(p["stride_w"]),
          pad_h(p["pad_h"]),
          pad_w(p["pad_w"]),
          oh(conv_output_extent(h, kh, stride_h, pad_h, p["pad_h_end"], 1)),
          ow(conv_output_extent(w, kw, stride_w, pad_w, p["pad_w_end"], 1)) {}

    int64_t n, h, w, c, kh, kw, stride_h, stride_w, pad_h, pad_w;
    int64_t oh, ow;

    // Halide's order.
    [[nodiscard]] std::vector<int64_t> input_extents() const { return {c, w, h, n}; }
    [[nodiscard]] std::vector<int64_t> output_extents() const { return {c, ow, oh, n}; }
};

}  // namespace tilesmith
