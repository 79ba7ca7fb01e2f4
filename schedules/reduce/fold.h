// What a reduction does with its elements, for the templates that compute it.
#pragma once

#include <Halide.h>

#include "core/problem.h"
#include "schedules/reduce/shape.h"

namespace tilesmith {

class Fold {
  public:
    explicit Fold(const Problem& problem)
        : maximum_(problem.op() == "reduce_max"),
          mean_(problem.op() == "reduce_mean"),
          terms_(static_cast<float>(ReduceShape(problem).terms())) {}

    [[nodiscard]] Halide::Expr neutral() const { return maximum_ ? Halide::Float(32).min() : Halide::Expr(0.0F); }
    [[nodiscard]] Halide::Expr combine(const Halide::Expr& a, const Halide::Expr& b) const {
        return maximum_ ? Halide::max(a, b) : a + b;
    }
    // From what all elements are combined to.
    [[nodiscard]] Halide::Expr finish(const Halide::Expr& total) const {
        return mean_ ? total * (1.0F / terms_) : total;
    }

  private:
    bool maximum_, mean_;
    float terms_;
};

}  // namespace tilesmith
