// Extents and element access of the matmul's buffers.
#include "schedules/matmul/operands.h"

namespace tilesmith {

MatmulShape::MatmulShape(const Problem& problem)
    : m(problem["m"]),
      n(problem["n"]),
      k(problem["k"]),
      b(problem["b"]),
      ta(problem["ta"] != 0),
      tb(problem["tb"] != 0) {}

std::vector<int64_t> MatmulShape::a_extents() const {
    return ta ? std::vector<int64_t>{m, k, b} : std::vector<int64_t>{k, m, b};
}

std::vector<int64_t> MatmulShape::b_extents() const {
    return tb ? std::vector<int64_t>{k, n, b} : std::vector<int64_t>{n, k, b};
}

MatmulOperands::MatmulOperands(const MatmulShape& the_shape)
    : shape(the_shape), a_buffer(Halide::Float(32), 3, "a"), b_buffer(Halide::Float(32), 3, "b") {}

Halide::Expr MatmulOperands::a(const Halide::Expr& row, const Halide::Expr& depth, const Halide::Expr& batch) const {
    return shape.ta ? a_buffer(row, depth, batch) : a_buffer(depth, row, batch);
}

Halide::Expr MatmulOperands::b(const Halide::Expr& column, const Halide::Expr& depth, const Halide::Expr& batch) const {
    return shape.tb ? b_buffer(depth, column, batch) : b_buffer(column, depth, batch);
}

}  // namespace tilesmith
