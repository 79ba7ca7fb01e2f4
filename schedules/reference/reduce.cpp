// Naive reductions: each output element by itself, in double, rounded once at the end.
#include <algorithm>
#include <limits>

#include "schedules/reduce/shape.h"
#include "schedules/reference/reference.h"

namespace tilesmith {

namespace {

// `combine(a, b)` of `first` and all elements of each output, then `finish`.
template <class Combine, class Finish>
void reduce(const ReduceShape& s, const float* x, float* y, double first, const Combine& combine,
            const Finish& finish) {
    for (int64_t o = 0; o < s.outer; ++o)
        for (int64_t k = 0; k < s.kept; ++k) {
            double total = first;
            for (int64_t r = 0; r < s.reduced; ++r)
                for (int64_t i = 0; i < s.inner; ++i)
                    total = combine(total, static_cast<double>(x[((o * s.reduced + r) * s.kept + k) * s.inner + i]));
            y[o * s.kept + k] = static_cast<float>(finish(total));
        }
}

double add(double a, double b) { return a + b; }
double same(double total) { return total; }

}  // namespace

void reference_reduce_sum(const Problem& problem, std::span<const float* const> inputs, float* output) {
    reduce(ReduceShape(problem), inputs[0], output, 0, add, same);
}

void reference_reduce_max(const Problem& problem, std::span<const float* const> inputs, float* output) {
    const auto larger = [](double a, double b) { return std::max(a, b); };
    reduce(ReduceShape(problem), inputs[0], output, -std::numeric_limits<double>::infinity(), larger, same);
}

void reference_reduce_mean(const Problem& problem, std::span<const float* const> inputs, float* output) {
    const ReduceShape shape(problem);
    const auto count = static_cast<double>(shape.terms());
    reduce(shape, inputs[0], output, 0, add, [&](double sum) { return sum / count; });
}

}  // namespace tilesmith
