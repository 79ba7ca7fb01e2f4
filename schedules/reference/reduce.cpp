// Naive reductions: each output element by itself, in double, rounded once at the end.
#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "schedules/reduce/shape.h"
#include "schedules/reference/reference.h"

namespace tilesmith {

namespace {

// Where in x the elements of every second group begin, of the groups from `first` on, in the array's order.
std::vector<int64_t> offsets(const std::vector<int64_t>& groups, size_t first) {
    std::vector<int64_t> begins{0};
    for (size_t place = first; place < groups.size(); place += 2) {
        int64_t stride = 1;
        for (size_t inside = place + 1; inside < groups.size(); ++inside) stride *= groups[inside];
        std::vector<int64_t> finer;
        for (const int64_t begin : begins)
            for (int64_t i = 0; i < groups[place]; ++i) finer.push_back(begin + i * stride);
        begins = std::move(finer);
    }
    return begins;
}

// `combine(a, b)` of `first` and all elements of each output, then `finish`.
template <class Combine, class Finish>
void reduce(const ReduceShape& shape, const float* x, float* y, double first, const Combine& combine,
            const Finish& finish) {
    std::vector<int64_t> groups = shape.merged().groups;
    const std::vector<int64_t> outputs = offsets(groups, 0);
    const int64_t run = std::exchange(groups.back(), 1);  // whose elements follow each other
    const std::vector<int64_t> runs = offsets(groups, 1);
    for (size_t i = 0; i < outputs.size(); ++i) {
        double total = first;
        for (const int64_t begin : runs)
            for (int64_t j = 0; j < run; ++j)
                total = combine(total, static_cast<double>(x[outputs[i] + begin * run + j]));
        y[i] = static_cast<float>(finish(total));
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
