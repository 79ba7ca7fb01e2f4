// What a reduction does with its elements, for the templates that compute it.
#pragma once

#include <Halide.h>

#include "core/problem.h"
#include "schedules/blocks/combine.h"
#include "schedules/reduce/shape.h"

namespace tilesmith {

class Fold {
  public:
    explicit Fold(const Problem& problem)
        : how_(problem.op() == "reduce_max" ? Combine::maximum : Combine::sum),
          mean_(problem.op() == "reduce_mean"),
          terms_(static_cast<float>(ReduceShape(problem).terms())) {}

    [[nodiscard]] Halide::Expr neutral() const { return tilesmith::neutral(how_); }
    [[nodiscard]] Halide::Expr combine(const Halide::Expr& a, const Halide::Expr& b) const {
        return tilesmith::combine(how_, a, b);
    }
    // From what all elements are combined to.
    [[nodiscard]] Halide::Expr finish(const Halide::Expr& total) const {
        return mean_ ? total * (1.0F / terms_) : total;
    }

  private:
    Combine how_;
    bool mean_;
    float terms_;
};

}  // namespace tilesmith
