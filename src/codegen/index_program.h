// Whole-number expressions of a loop nest (indices, predicates), compiled once and evaluated at many points. Internal
// to src/codegen.
#pragma once

#include <Halide.h>

#include <cstdint>
#include <string>
#include <vector>

namespace tilesmith {

class IndexProgram {
  public:
    // The value of `variables[i]` is the i-th of a point. What is neither a number, one of the variables nor
    // whole-number arithmetic counts as 0.
    IndexProgram(const Halide::Expr& expr, const std::vector<std::string>& variables);

    // The value at `point`; conditions are 0 or 1. Division and remainder round down, division by 0 gives 0, as in
    // Halide.
    [[nodiscard]] int64_t operator()(const std::vector<int64_t>& point) const;

    // Whether the expression names `variables[index]`.
    [[nodiscard]] bool uses(size_t index) const;

  private:
    enum class Op { constant, variable, add, sub, mul, div, mod, min, max, eq, lt, le, both, either, negate, select };
    struct Step {
        Op op = Op::constant;
        size_t a = 0, b = 0, c = 0;  // earlier steps
        int64_t value = 0;           // of a constant; the place of a variable
    };

    size_t compile(const Halide::Expr& expr, const std::vector<std::string>& variables);
    template <class Node>
    size_t binary(Op op, const Halide::Expr& expr, const std::vector<std::string>& variables, bool swap = false);
    size_t append(Step step);
    static int64_t apply(const Step& step, const std::vector<int64_t>& done, const std::vector<int64_t>& point);

    std::vector<Step> steps_;  // the last one is the result
};

}  // namespace tilesmith
