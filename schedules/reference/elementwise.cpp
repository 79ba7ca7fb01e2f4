// Naive element-wise chains: the epilogue of each row.
#include "schedules/reference/reference.h"

namespace tilesmith {

void reference_elementwise(const Problem& problem, std::span<const float* const> inputs, float* output) {
    const int64_t cols = problem["cols"];
    for (int64_t row = 0; row < problem["rows"]; ++row) {
        const float* const x = inputs[0] + row * cols;
        std::vector<double> values(x, x + cols);
        finish_row(problem, inputs.subspan(1), values, row, output);
    }
}

}  // namespace tilesmith
