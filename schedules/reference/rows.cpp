// Naive softmax, layer_norm, rms_norm and norm: everything in double, rounded once at the end.
#include <algorithm>
#include <cmath>

#include "schedules/reference/reference.h"
#include "schedules/rows/shape.h"

namespace tilesmith {

namespace {

// Calls `each(x, y)` with the pointers of every row.
template <class Each>
void for_each_row(const Problem& problem, const float* x, float* y, const Each& each) {
    const RowsShape shape(problem);
    for (int64_t row = 0; row < shape.rows; ++row) each(x + row * shape.cols, y + row * shape.cols);
}

double sum_of_squares(const float* x, int64_t count, double mean = 0) {
    double sum = 0;
    for (int64_t i = 0; i < count; ++i) sum += (static_cast<double>(x[i]) - mean) * (static_cast<double>(x[i]) - mean);
    return sum;
}

}  // namespace

void reference_softmax(const Problem& problem, std::span<const float* const> inputs, float* output) {
    const int64_t cols = problem["cols"];
    for_each_row(problem, inputs[0], output, [&](const float* x, float* y) {
        const double largest = *std::max_element(x, x + cols);
        double sum = 0;
        for (int64_t i = 0; i < cols; ++i) sum += std::exp(static_cast<double>(x[i]) - largest);
        for (int64_t i = 0; i < cols; ++i)
            y[i] = static_cast<float>(std::exp(static_cast<double>(x[i]) - largest) / sum);
    });
}

void reference_layer_norm(const Problem& problem, std::span<const float* const> inputs, float* output) {
    const int64_t cols = problem["cols"];
    for_each_row(problem, inputs[0], output, [&](const float* x, float* y) {
        double mean = 0;
        for (int64_t i = 0; i < cols; ++i) mean += x[i];
        mean /= static_cast<double>(cols);
        const double deviation = std::sqrt(sum_of_squares(x, cols, mean) / static_cast<double>(cols) + problem.eps());
        for (int64_t i = 0; i < cols; ++i)
            y[i] = static_cast<float>((x[i] - mean) / deviation * inputs[1][i] + inputs[2][i]);
    });
}

void reference_rms_norm(const Problem& problem, std::span<const float* const> inputs, float* output) {
    const int64_t cols = problem["cols"];
    for_each_row(problem, inputs[0], output, [&](const float* x, float* y) {
        const double root = std::sqrt(sum_of_squares(x, cols) / static_cast<double>(cols) + problem.eps());
        for (int64_t i = 0; i < cols; ++i) y[i] = static_cast<float>(x[i] / root * inputs[1][i]);
    });
}

void reference_norm(const Problem& problem, std::span<const float* const> inputs, float* output) {
    const RowsShape shape(problem);
    for (int64_t row = 0; row < shape.rows; ++row)
        output[row] = static_cast<float>(std::sqrt(sum_of_squares(inputs[0] + row * shape.cols, shape.cols)));
}

}  // namespace tilesmith
