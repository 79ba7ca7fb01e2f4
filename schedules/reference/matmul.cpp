// Naive matmul. Transposed operands are first copied straight, so that the one innermost loop runs along rows of B.
#include "schedules/reference/reference.h"

namespace tilesmith {

namespace {

// [rows,columns] -> [columns,rows].
std::vector<float> transposed(const float* from, int64_t rows, int64_t columns) {
    std::vector<float> to(static_cast<size_t>(rows * columns));
    for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < columns; ++c) to[static_cast<size_t>(c * rows + r)] = from[r * columns + c];
    return to;
}

// sums[n] = a[k] * b[k,n].
void multiply_row(const float* a, const float* b, int64_t n, int64_t k, std::vector<double>& sums) {
    sums.assign(static_cast<size_t>(n), 0.0);
    double* const s = sums.data();
    for (int64_t p = 0; p < k; ++p) {
        const auto x = static_cast<double>(a[p]);
        const float* const row = b + p * n;
        for (int64_t j = 0; j < n; ++j) s[j] += x * static_cast<double>(row[j]);
    }
}

}  // namespace

void reference_matmul(const Problem& problem, std::span<const float* const> inputs, float* output) {
    const int64_t m = problem["m"];
    const int64_t n = problem["n"];
    const int64_t k = problem["k"];
    std::vector<double> sums;
    for (int64_t batch = 0; batch < problem["b"]; ++batch) {
        const float* a = inputs[0] + batch * m * k;
        const float* b = inputs[1] + batch * k * n;
        std::vector<float> straight_a;
        std::vector<float> straight_b;
        if (problem["ta"] != 0) {
            straight_a = transposed(a, k, m);
            a = straight_a.data();
        }
        if (problem["tb"] != 0) {
            straight_b = transposed(b, n, k);
            b = straight_b.data();
        }
        for (int64_t i = 0; i < m; ++i) {
            multiply_row(a + i * k, b, n, k, sums);
            finish_row(problem, inputs.subspan(2), sums, batch * m + i, output);
        }
    }
}

}  // namespace tilesmith
