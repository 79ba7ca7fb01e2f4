// Naive capsule convolution: for every tap inside the input, a product of two matrices of capsules.
#include "schedules/reference/reference.h"

namespace tilesmith {

namespace {

// y[i,j,co] += x[i,k,ci] * w[k,j,ci,co], summed over k and ci: one pixel and one tap.
void add_tap(int64_t capsules, int64_t ci, int64_t co, const float* x, const float* w, double* sums) {
    for (int64_t i = 0; i < capsules; ++i)
        for (int64_t k = 0; k < capsules; ++k)
            for (int64_t j = 0; j < capsules; ++j)
                for (int64_t c = 0; c < ci; ++c)
                    for (int64_t o = 0; o < co; ++o)
                        sums[(i * capsules + j) * co + o] +=
                            static_cast<double>(x[(i * capsules + k) * ci + c]) *
                            static_cast<double>(w[((k * capsules + j) * ci + c) * co + o]);
}

}  // namespace

void reference_capsule_conv(const Problem& problem, std::span<const float* const> inputs, float* output) {
    const ConvShape s = conv_shape(problem);
    const int64_t ci = problem["ci"];
    const int64_t co = problem["co"];
    std::vector<double> sums;
    for (int64_t pixel = 0; pixel < s.n * s.oh * s.ow; ++pixel) {
        sums.assign(static_cast<size_t>(s.co), 0.0);
        const float* const image = inputs[0] + pixel / (s.oh * s.ow) * s.h * s.w * s.ci;
        for (int64_t tap = 0; tap < s.kh * s.kw; ++tap) {
            const int64_t y = pixel / s.ow % s.oh * s.stride_h - s.pad_h + tap / s.kw * s.dilation_h;
            const int64_t x = pixel % s.ow * s.stride_w - s.pad_w + tap % s.kw * s.dilation_w;
            if (y < 0 || y >= s.h || x < 0 || x >= s.w) continue;
            const int64_t tap_weights = s.capsules * s.capsules * ci * co;
            add_tap(s.capsules, ci, co, image + (y * s.w + x) * s.ci, inputs[1] + tap * tap_weights, sums.data());
        }
        finish_row(problem, inputs.subspan(2), sums, pixel, output);
    }
}

}  // namespace tilesmith
