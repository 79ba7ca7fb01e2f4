// Naive pooling: every window of every channel by itself.
#include <algorithm>
#include <limits>

#include "schedules/pool/shape.h"
#include "schedules/reference/reference.h"

namespace tilesmith {

namespace {

struct Window {
    int64_t top, bottom, left, right;  // inside of the input; bottom and right are beyond the last
};

template <class Value>
void pool(const PoolShape& s, const float* input, float* output, const Value& value) {
    for (int64_t n = 0; n < s.n; ++n)
        for (int64_t oy = 0; oy < s.oh; ++oy)
            for (int64_t ox = 0; ox < s.ow; ++ox)
                for (int64_t c = 0; c < s.c; ++c) {
                    const int64_t y = oy * s.stride_h - s.pad_h;
                    const int64_t x = ox * s.stride_w - s.pad_w;
                    const Window window{std::max<int64_t>(y, 0), std::min(y + s.kh, s.h), std::max<int64_t>(x, 0),
                                        std::min(x + s.kw, s.w)};
                    const auto at = [&](int64_t row, int64_t column) {
                        return static_cast<double>(input[((n * s.h + row) * s.w + column) * s.c + c]);
                    };
                    output[((n * s.oh + oy) * s.ow + ox) * s.c + c] = static_cast<float>(value(window, at));
                }
}

}  // namespace

void reference_max_pool(const Problem& problem, std::span<const float* const> inputs, float* output) {
    pool(PoolShape(problem), inputs[0], output, [](const Window& window, const auto& at) {
        double largest = -std::numeric_limits<double>::infinity();
        for (int64_t y = window.top; y < window.bottom; ++y)
            for (int64_t x = window.left; x < window.right; ++x) largest = std::max(largest, at(y, x));
        return largest;
    });
}

void reference_avg_pool(const Problem& problem, std::span<const float* const> inputs, float* output) {
    const PoolShape shape(problem);
    const bool include_pad = problem["include_pad"] != 0;
    pool(shape, inputs[0], output, [&](const Window& window, const auto& at) {
        double sum = 0;
        for (int64_t y = window.top; y < window.bottom; ++y)
            for (int64_t x = window.left; x < window.right; ++x) sum += at(y, x);
        const int64_t inside = (window.bottom - window.top) * (window.right - window.left);
        return sum / static_cast<double>(include_pad ? shape.kh * shape.kw : inside);
    });
}

}  // namespace tilesmith
