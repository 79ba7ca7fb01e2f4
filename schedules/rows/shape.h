// What the operators on rows have in common: the sizes of x[rows,cols], whose rows are reduced.
#pragma once

#include <cstdint>
#include <vector>

#include "core/problem.h"

namespace tilesmith {

struct RowsShape {
    explicit RowsShape(const Problem& problem) {
        const bool norm = problem.op() == "norm";
        rows = norm ? problem["b"] : problem["rows"];
        cols = norm ? problem["m"] * problem["n"] : problem["cols"];
    }

    int64_t rows, cols;

    // Halide's order.
    [[nodiscard]] std::vector<int64_t> extents() const { return {cols, rows}; }
};

}  // namespace tilesmith
