// The data that kernels are checked on, what the right answer is, and how far from it a kernel may be.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/problem.h"
#include "schedules/operator.h"

namespace tilesmith {

enum class Values {
    integers,  // whole numbers (and scales that are powers of two), so small that every sum is exact in any order
    reals,     // random; results of about 1
};
std::string_view values_name(Values values);
Values values_named(std::string_view name);  // throws run_failed

// What to check `problem` on first: whole numbers where results are exact for them.
inline Values first_values(const Problem& problem) { return problem.exact() ? Values::integers : Values::reals; }

// One vector for each argument but the output, in the operator's order. The same for the same arguments everywhere.
std::vector<std::vector<float>> make_inputs(const Problem& problem, uint64_t seed, Values values);

// The naive loops over `inputs`.
std::vector<float> reference_output(const Problem& problem, const std::vector<std::vector<float>>& inputs);

// The largest allowed |got - expected| on make_inputs' data; 0 where results must be equal.
//
// A sum of n products in f32, in any order, is off by at most n u S and, with overwhelming probability, by no more than
// 8 sqrt(n) u S (Higham and Mary, A New Approach to Probabilistic Rounding Error Analysis, 2019), where u = 2^-24 and S
// is the sum of the absolute values; here S is bounded by n times the largest values that make_inputs gives. Twice
// that, because the reference has its own error, grown by the scales that follow and by the slopes of
// gelu and the like (EpilogueInfo), for whose approximation 1e-6 of the argument is allowed.
// accuracy=fast allows four times as much.
// Operators that are no such sums bring their own bound (Operator::tolerance).
Tolerance tolerance(const Problem& problem, Values values);

// Null when `got` is within `tolerance` of `expected` everywhere; else which element of the output is wrong first, what
// was expected, and how many are. An element that is NaN was not written (outputs are filled with NaN beforehand) or is
// wrong.
std::optional<std::string> difference(const Problem& problem, std::span<const float> expected,
                                      std::span<const float> got, const Tolerance& tolerance);

}  // namespace tilesmith
