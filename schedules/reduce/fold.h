// What a reduction does with its elements, for the templates that compute it.
#pragma once

#include <Halide.h>

#include <iterator>
#include <string>
#include <vector>

#include "core/problem.h"
#include "schedules/blocks/combine.h"
#include "schedules/blocks/tiling.h"
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

// The loops around the innermost groups of axes, which a template writes down itself. The kept ones are one variable of
// the output, counted from 0 to shape.outer; the reduced ones are the last dimensions of a reduction domain.

inline Halide::RDom domain(const FoldShape& shape, const std::vector<int>& inside, const std::string& name) {
    Halide::Region ranges;
    for (const int extent : inside) ranges.push_back({0, extent});
    for (size_t place = 1; place < shape.around.size(); place += 2) ranges.push_back({0, as_int(shape.around[place])});
    return {ranges, name};
}

// Where x has it: `inside` are the innermost indices.
inline std::vector<Halide::Expr> element(const FoldShape& shape, std::vector<Halide::Expr> inside, Halide::Expr outer,
                                         const Halide::RDom& domain) {
    auto reduced = domain.dimensions() - as_int(std::ssize(shape.around) / 2);
    for (size_t place = 0; place + 1 < shape.around.size(); place += 2) {
        inside.push_back(outer % as_int(shape.around[place]));
        inside.emplace_back(domain[reduced++]);
        outer = outer / as_int(shape.around[place]);
    }
    inside.push_back(outer);
    return inside;
}

// From the innermost loop to the outermost; of `domain` the dimensions from `first` on.
inline std::vector<Halide::VarOrRVar> loops(std::vector<Halide::VarOrRVar> inside, const Halide::RDom& domain,
                                            const std::vector<Halide::VarOrRVar>& outside, int first = 0) {
    for (int i = first; i < domain.dimensions(); ++i) inside.emplace_back(domain[i]);
    inside.insert(inside.end(), outside.begin(), outside.end());
    return inside;
}

}  // namespace tilesmith
