// The operator conv2d_transposed: each input pixel adds its products with the whole kernel to the output, `stride`
// pixels apart. Input [n,h,w,ci], weights [kh,kw,ci,co], output [n,oh,ow,co], oh = (h - 1) stride + kh - pad - pad_end.
#include <fmt/format.h>

#include "core/error.h"
#include "schedules/image_spec.h"
#include "schedules/operator_rows.h"
#include "schedules/random_extents.h"
#include "schedules/reference/reference.h"
#include "schedules/transposed/shape.h"

namespace tilesmith {

namespace {

void check_axis(const std::string& name, const TransposedAxis& axis) {
    if (axis.outputs() < 1)
        throw bad_input(
            fmt::format("nothing is left of the output along {0}: ({0}-1) stride + k{0} is {1}, pad_{0} and "
                        "pad_{0}_end take {2} off",
                        name, axis.outputs() + axis.pad + axis.pad_end, axis.pad + axis.pad_end),
            fmt::format("make pad_{} smaller, or {} or k{} larger", name, name, name));
}

void check(const Problem& p) {
    const TransposedShape s(p);
    check_axis("h", s.h);
    check_axis("w", s.w);
    const double padded_elements = static_cast<double>(s.n) * static_cast<double>(s.h.padded()) *
                                   static_cast<double>(s.w.padded()) * static_cast<double>(s.ci);
    check_padded_input(p, padded_elements, "make an extent or the kernel smaller");
}

std::vector<Argument> arguments(const Problem& p) {
    const TransposedShape s(p);
    std::vector<Argument> list;
    list.push_back({"x", Role::input, p.dtype(), {s.n, s.h.extent, s.w.extent, s.ci}});
    list.push_back({"w", Role::weight, p.dtype(), {s.h.k, s.w.k, s.ci, s.co}});
    append_epilogue_and_output(p, {"y", Role::output, p.dtype(), {s.n, s.h.outputs(), s.w.outputs(), s.co}}, list);
    return list;
}

int64_t reduction(const Problem& p) {
    const TransposedShape s(p);
    return s.h.taps() * s.w.taps() * s.ci;
}

// Products that padding takes off are counted like any other, as every library counts them.
double flops(const Problem& p) {
    const TransposedShape s(p);
    return 2.0 * static_cast<double>(s.n) * static_cast<double>(s.h.extent) * static_cast<double>(s.w.extent) *
           static_cast<double>(s.ci) * static_cast<double>(s.co) * static_cast<double>(s.h.k) *
           static_cast<double>(s.w.k);
}

std::string random(Rng& rng) {
    std::string text = "conv2d_transposed";
    text += pairs_text({{"n", 1 + random_below(rng, 2)},
                        {"h", random_extent(rng, 12)},
                        {"w", random_extent(rng, 12)},
                        {"ci", random_extent(rng, 40)},
                        {"co", random_extent(rng, 40)},
                        {"kh", 1 + random_below(rng, 5)},
                        {"kw", 1 + random_below(rng, 5)},
                        {"stride_h", 1 + random_below(rng, 3)},
                        {"stride_w", 1 + random_below(rng, 3)},
                        {"pad_h", random_below(rng, 3)},
                        {"pad_w", random_below(rng, 3)},
                        {"pad_w_end", random_below(rng, 3)}});
    if (rng.below(4) == 0) text += " weights=fresh";
    return text;
}

}  // namespace

Operator conv2d_transposed_operator() {
    Operator op;
    op.name = "conv2d_transposed";
    op.summary = "y[n,oh,ow,co]: every x[n,h,w,ci] adds its products with w[kh,kw,ci,co], stride pixels apart";
    op.spec.op = op.name;
    op.spec.extents.push_back({.name = "n", .axes = {"n"}, .default_value = 1, .always_written = true});
    for (const char* name : {"h", "w", "ci", "co", "kh", "kw"}) op.spec.extents.push_back(extent_pair(name));
    op.spec.attributes = stride_and_pad_pairs();
    op.spec.weights = Weights::fixed;
    op.spec.epilogue = true;
    op.spec.check = check;
    op.arguments = arguments;
    op.flops = flops;
    op.reduction = reduction;
    op.random = random;
    op.reference = reference_conv2d_transposed;
    return op;
}

}  // namespace tilesmith
