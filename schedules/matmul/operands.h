// The matmul's buffers as Halide inputs: hides from the templates whether A and B are stored transposed.
#pragma once

#include <Halide.h>

#include <cstdint>
#include <vector>

#include "core/problem.h"
#include "schedules/pipeline.h"

namespace tilesmith {

// C[b,m,n] = sum over k of A[b,m,k] * B[b,k,n]; `ta`: A is stored [b,k,m], `tb`: B is stored [b,n,k].
struct MatmulShape {
    int64_t m = 1, n = 1, k = 1, b = 1;
    bool ta = false, tb = false;

    explicit MatmulShape(const Problem& problem);

    [[nodiscard]] std::vector<int64_t> a_extents() const;  // innermost first, as all of these
    [[nodiscard]] std::vector<int64_t> b_extents() const;
    [[nodiscard]] std::vector<int64_t> output_extents() const { return {n, m, b}; }
};

struct MatmulOperands {
    explicit MatmulOperands(const MatmulShape& shape);

    // A[batch, row, depth] and B[batch, depth, column].
    [[nodiscard]] Halide::Expr a(const Halide::Expr& row, const Halide::Expr& depth, const Halide::Expr& batch) const;
    [[nodiscard]] Halide::Expr b(const Halide::Expr& column, const Halide::Expr& depth,
                                 const Halide::Expr& batch) const;

    MatmulShape shape;
    Halide::ImageParam a_buffer, b_buffer;
};

}  // namespace tilesmith
