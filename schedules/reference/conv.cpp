// Naive convolution: every output pixel adds up the taps that lie inside the input; padding is never multiplied.
#include "schedules/reference/reference.h"

namespace tilesmith {

namespace {

// Adds one kernel tap: `x` is the input pixel [ci], `w` the tap's weights [ci/groups,co].
void add_tap(const ConvShape& s, const float* x, const float* w, double* sums) {
    const int64_t group_ci = s.group_ci();
    const int64_t group_co = s.group_co();
    if (group_ci == 1 && group_co == 1) {
        for (int64_t c = 0; c < s.co; ++c) sums[c] += static_cast<double>(x[c]) * static_cast<double>(w[c]);
        return;
    }
    for (int64_t g = 0; g < s.groups; ++g) {
        double* const group_sums = sums + g * group_co;
        for (int64_t c = 0; c < group_ci; ++c) {
            const auto value = static_cast<double>(x[g * group_ci + c]);
            const float* const row = w + c * s.co + g * group_co;
            for (int64_t o = 0; o < group_co; ++o) group_sums[o] += value * static_cast<double>(row[o]);
        }
    }
}

// `image` and `weights` are those of one plane.
void add_plane(const ConvShape& s, const float* image, const float* weights, int64_t oy, int64_t ox, double* sums) {
    for (int64_t ky = 0; ky < s.kh; ++ky) {
        const int64_t y = oy * s.stride_h - s.pad_h + ky * s.dilation_h;
        if (y < 0 || y >= s.h) continue;
        for (int64_t kx = 0; kx < s.kw; ++kx) {
            const int64_t x = ox * s.stride_w - s.pad_w + kx * s.dilation_w;
            if (x < 0 || x >= s.w) continue;
            add_tap(s, image + (y * s.w + x) * s.ci, weights + (ky * s.kw + kx) * s.group_ci() * s.co, sums);
        }
    }
}

void add_taps(const ConvShape& s, const float* volume, const float* weights, int64_t oz, int64_t oy, int64_t ox,
              double* sums) {
    for (int64_t kz = 0; kz < s.kd; ++kz) {
        const int64_t z = oz * s.stride_d - s.pad_d + kz * s.dilation_d;
        if (z < 0 || z >= s.d) continue;
        add_plane(s, volume + z * s.h * s.w * s.ci, weights + kz * s.kh * s.kw * s.group_ci() * s.co, oy, ox, sums);
    }
}

}  // namespace

void reference_conv(const Problem& problem, const ConvShape& shape, std::span<const float* const> inputs,
                    float* output) {
    std::vector<double> sums;
    int64_t row = 0;
    for (int64_t n = 0; n < shape.n; ++n) {
        const float* const volume = inputs[0] + n * shape.d * shape.h * shape.w * shape.ci;
        for (int64_t oz = 0; oz < shape.od; ++oz) {
            for (int64_t oy = 0; oy < shape.oh; ++oy) {
                for (int64_t ox = 0; ox < shape.ow; ++ox, ++row) {
                    sums.assign(static_cast<size_t>(shape.co), 0.0);
                    add_taps(shape, volume, inputs[1], oz, oy, ox, sums.data());
                    finish_row(problem, inputs.subspan(2), sums, row, output);
                }
            }
        }
    }
}

}  // namespace tilesmith
