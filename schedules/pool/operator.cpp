// The operators max_pool and avg_pool: the largest element, or the mean, of a window of each channel. Input [n,h,w,c],
// output [n,oh,ow,c]. Padding is never the largest element; avg_pool counts it only where include_pad=1.
#include <fmt/format.h>

#include "core/error.h"
#include "schedules/image_spec.h"
#include "schedules/mean_tolerance.h"
#include "schedules/operator_rows.h"
#include "schedules/pool/shape.h"
#include "schedules/random_extents.h"
#include "schedules/reference/reference.h"

namespace tilesmith {

namespace {

void check_axis(const Problem& p, const std::string& axis) {
    const int64_t kernel = p["k" + axis], extent = p[axis];
    for (const std::string& pad : {"pad_" + axis, "pad_" + axis + "_end"})
        if (p[pad] >= kernel)
            throw bad_input(fmt::format("{}={} is not below k{}={}: a window would hold nothing but padding", pad,
                                        p[pad], axis, kernel),
                            fmt::format("make {} smaller or k{} larger", pad, axis));
    const int64_t padded = extent + p["pad_" + axis] + p["pad_" + axis + "_end"];
    if (kernel > padded)
        throw bad_input(fmt::format("the window is larger than the padded input: k{}={}, but {}={} with padding has {}",
                                    axis, kernel, axis, extent, padded),
                        fmt::format("make k{} smaller, or {} larger", axis, axis));
}

void check(const Problem& p) {
    check_axis(p, "h");
    check_axis(p, "w");
}

std::vector<Argument> arguments(const Problem& p) {
    const PoolShape s(p);
    return {{"x", Role::input, p.dtype(), {s.n, s.h, s.w, s.c}},
            {"y", Role::output, p.dtype(), {s.n, s.oh, s.ow, s.c}}};
}

int64_t reduction(const Problem& p) { return p["kh"] * p["kw"]; }

// One operation an element of the window, padding counted like any other.
double flops(const Problem& p) {
    const PoolShape s(p);
    return static_cast<double>(s.n) * static_cast<double>(s.oh) * static_cast<double>(s.ow) * static_cast<double>(s.c) *
           static_cast<double>(reduction(p));
}

std::string random_pool(const std::string& op, Rng& rng) {
    return op + pairs_text({{"n", 1 + random_below(rng, 2)},
                            {"h", random_extent(rng, 24)},
                            {"w", random_extent(rng, 24)},
                            {"c", random_extent(rng, 70)},
                            {"kh", 1 + random_below(rng, 4)},
                            {"kw", 1 + random_below(rng, 4)},
                            {"stride_h", 1 + random_below(rng, 3)},
                            {"stride_w", 1 + random_below(rng, 3)},
                            {"pad_h", random_below(rng, 3)},
                            {"pad_w", random_below(rng, 3)},
                            {"pad_w_end", random_below(rng, 3)}});
}

std::string random_max_pool(Rng& rng) { return random_pool("max_pool", rng); }
std::string random_avg_pool(Rng& rng) {
    const std::string text = random_pool("avg_pool", rng);
    return rng.below(2) == 0 ? text + " include_pad=1" : text;
}

Operator pool(const std::string& name, const std::string& summary) {
    Operator op;
    op.name = name;
    op.summary = summary;
    op.spec.op = name;
    op.spec.extents.push_back({.name = "n", .axes = {"n"}, .default_value = 1, .always_written = true});
    for (const char* axis : {"h", "w", "c", "kh", "kw"}) op.spec.extents.push_back(extent_pair(axis));
    op.spec.attributes = stride_and_pad_pairs();
    op.spec.check = check;
    op.arguments = arguments;
    op.flops = flops;
    op.reduction = reduction;
    return op;
}

}  // namespace

Operator max_pool_operator() {
    Operator op = pool("max_pool", "y[n,oh,ow,c] = largest x of a kh x kw window");
    op.random = random_max_pool;
    op.reference = reference_max_pool;
    return op;
}

Operator avg_pool_operator() {
    Operator op = pool("avg_pool", "y[n,oh,ow,c] = mean of x over a kh x kw window, padding left out or counted");
    op.spec.attributes.push_back(
        {.name = "include_pad", .axes = {"include_pad"}, .default_value = 0, .least = 0, .most = 1});
    op.spec.exact = false;
    op.tolerance = [](const Problem& p) { return mean_tolerance(reduction(p)); };
    op.random = random_avg_pool;
    op.reference = reference_avg_pool;
    return op;
}

}  // namespace tilesmith
