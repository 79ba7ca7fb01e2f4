// The extents of a transposed convolution and what follows from them. No Halide.
#pragma once

#include <cstdint>
#include <vector>

#include "core/problem.h"

namespace tilesmith {

// One axis. Input element i and kernel tap k add to output element i * stride + k - pad. Seen from the output: elements
// of one phase (o + pad) % stride are a convolution of stride 1 with every stride-th tap, beginning with the phase.
struct TransposedAxis {
    int64_t extent = 1, k = 1, stride = 1, pad = 0, pad_end = 0;

    [[nodiscard]] int64_t outputs() const { return (extent - 1) * stride + k - pad - pad_end; }
    // Taps of a phase, at most.
    [[nodiscard]] int64_t taps() const { return (k + stride - 1) / stride; }
    // Runs of one output of every phase.
    [[nodiscard]] int64_t runs() const { return (outputs() + stride - 1) / stride; }
    // Elements that the taps of all runs reach over, inside of the input or not.
    [[nodiscard]] int64_t padded() const { return runs() + (stride - 1 + pad) / stride + taps() - 1; }
};

struct TransposedShape {
    explicit TransposedShape(const Problem& p)
        : n(p["n"]),
          ci(p["ci"]),
          co(p["co"]),
          h{p["h"], p["kh"], p["stride_h"], p["pad_h"], p["pad_h_end"]},
          w{p["w"], p["kw"], p["stride_w"], p["pad_w"], p["pad_w_end"]} {}

    int64_t n, ci, co;
    TransposedAxis h, w;

    // Halide's order.
    [[nodiscard]] std::vector<int64_t> input_extents() const { return {ci, w.extent, h.extent, n}; }
    [[nodiscard]] std::vector<int64_t> weight_extents() const { return {co, ci, w.k, h.k}; }
    [[nodiscard]] std::vector<int64_t> output_extents() const { return {co, w.outputs(), h.outputs(), n}; }
};

}  // namespace tilesmith
