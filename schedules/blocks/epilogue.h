// The epilogue of a problem as Halide inputs and one expression, fused into the place where a template writes its
// output.
#pragma once

#include <Halide.h>

#include <cstdint>
#include <vector>

#include "core/problem.h"
#include "schedules/pipeline.h"

namespace tilesmith {

// The epilogue's tensors, in its order; the operations that take none have no entry.
struct EpilogueInputs {
    std::vector<Halide::ImageParam> tensors;
    std::vector<std::vector<int64_t>> extents;  // innermost first, one a tensor

    // Appends them to `stage`, after the operator's own inputs.
    void append_to(Stage& stage) const;
};

// `output_extents` is innermost first: its first entry counts the channels.
EpilogueInputs epilogue_inputs(const Problem& problem, const std::vector<int64_t>& output_extents);

// What the epilogue makes of `value`, the operator's result at `position` (coordinates of the output, innermost first).
// Reads the tensors at `position` alone, so it is in bounds wherever the output is.
Halide::Expr apply_epilogue(const Problem& problem, const EpilogueInputs& inputs, Halide::Expr value,
                            const std::vector<Halide::Expr>& position);

}  // namespace tilesmith
