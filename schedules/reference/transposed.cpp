// Naive transposed convolution, as it is defined: every input pixel adds to the outputs it reaches.
#include "schedules/reference/reference.h"
#include "schedules/transposed/shape.h"

namespace tilesmith {

namespace {

// Adds x[ci] times one tap's weights [ci,co].
void add_tap(const float* x, const float* w, int64_t ci, int64_t co, double* sums) {
    for (int64_t c = 0; c < ci; ++c)
        for (int64_t o = 0; o < co; ++o) sums[o] += static_cast<double>(x[c]) * static_cast<double>(w[c * co + o]);
}

void add_image(const TransposedShape& s, const float* image, const float* weights, double* sums) {
    const int64_t oh = s.h.outputs(), ow = s.w.outputs();
    for (int64_t y = 0; y < s.h.extent; ++y)
        for (int64_t x = 0; x < s.w.extent; ++x)
            for (int64_t ky = 0; ky < s.h.k; ++ky)
                for (int64_t kx = 0; kx < s.w.k; ++kx) {
                    const int64_t oy = y * s.h.stride + ky - s.h.pad;
                    const int64_t ox = x * s.w.stride + kx - s.w.pad;
                    if (oy < 0 || oy >= oh || ox < 0 || ox >= ow) continue;
                    add_tap(image + (y * s.w.extent + x) * s.ci, weights + (ky * s.w.k + kx) * s.ci * s.co, s.ci, s.co,
                            sums + (oy * ow + ox) * s.co);
                }
}

}  // namespace

void reference_conv2d_transposed(const Problem& problem, std::span<const float* const> inputs, float* output) {
    const TransposedShape s(problem);
    const int64_t pixels = s.h.outputs() * s.w.outputs();
    for (int64_t n = 0; n < s.n; ++n) {
        std::vector<double> sums(static_cast<size_t>(pixels * s.co));
        add_image(s, inputs[0] + n * s.h.extent * s.w.extent * s.ci, inputs[1], sums.data());
        for (int64_t pixel = 0; pixel < pixels; ++pixel) {
            const auto first = sums.begin() + pixel * s.co;
            std::vector<double> row(first, first + s.co);
            finish_row(problem, inputs.subspan(2), row, n * pixels + pixel, output);
        }
    }
}

}  // namespace tilesmith
