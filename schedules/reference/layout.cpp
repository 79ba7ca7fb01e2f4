// Naive transposes, one element after the other.
#include "schedules/reference/reference.h"

namespace tilesmith {

void reference_transpose(const Problem& problem, std::span<const float* const> inputs, float* output) {
    const int64_t batches = problem["b"], rows = problem["m"], columns = problem["n"], run = problem["c"];
    for (int64_t b = 0; b < batches; ++b)
        for (int64_t m = 0; m < rows; ++m)
            for (int64_t n = 0; n < columns; ++n)
                for (int64_t c = 0; c < run; ++c)
                    output[((b * columns + n) * rows + m) * run + c] =
                        inputs[0][((b * rows + m) * columns + n) * run + c];
}

}  // namespace tilesmith
