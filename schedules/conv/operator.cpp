// The operators conv2d and conv1d: one computation, two spellings. Input [n,h,w,ci], weights [kh,kw,ci/groups,co] with
// co ordered group-major, output [n,oh,ow,co]; conv1d leaves out the h axis everywhere.
#include <fmt/format.h>

#include "core/error.h"
#include "schedules/conv/shape.h"
#include "schedules/operator_rows.h"
#include "schedules/reference/reference.h"

namespace tilesmith {

namespace {

constexpr int64_t kMostPaddedElements = (int64_t{1} << 31) / 4 - 1;

void check_axis(const std::string& axis, int64_t extent, int64_t k, int64_t pad, int64_t pad_end, int64_t dilation) {
    const int64_t reach = (k - 1) * dilation + 1;
    const int64_t padded = extent + pad + pad_end;
    if (reach <= padded) return;
    throw bad_input(
        fmt::format(
            "the kernel is larger than the padded input: k{}={} with dilation {} reaches over {} elements, but {}={} "
            "with padding {} and {} has {}",
            axis, k, dilation, reach, axis, extent, pad, pad_end, padded),
        fmt::format("make k{} or the dilation smaller, or {} or pad larger", axis, axis));
}

void check(const Problem& p) {
    const ConvShape s = conv_shape(p);
    for (const auto& [name, channels] : {std::pair{"ci", s.ci}, std::pair{"co", s.co}})
        if (channels % s.groups != 0)
            throw bad_input(fmt::format("groups={} does not divide {}={}", s.groups, name, channels),
                            "groups must divide both ci and co");
    if (p.op() != "conv1d") check_axis("h", s.h, s.kh, s.pad_h, s.pad_h_end, s.dilation_h);
    check_axis("w", s.w, s.kw, s.pad_w, s.pad_w_end, s.dilation_w);
    const double padded_elements = static_cast<double>(s.n) * static_cast<double>(s.h + s.pad_h + s.pad_h_end) *
                                   static_cast<double>(s.w + s.pad_w + s.pad_w_end) * static_cast<double>(s.ci);
    if (padded_elements > static_cast<double>(kMostPaddedElements))
        throw bad_input(
            fmt::format("the padded input of '{}' has {:.0f} elements: 2^31 bytes or more", p.text(), padded_elements),
            "make an extent or the padding smaller");
}

std::vector<Argument> arguments(const Problem& p) {
    const ConvShape s = conv_shape(p);
    const bool flat = p.op() == "conv1d";
    const auto shape = [flat](int64_t n, int64_t h, int64_t w, int64_t c) {
        return flat ? std::vector<int64_t>{n, w, c} : std::vector<int64_t>{n, h, w, c};
    };
    std::vector<Argument> list;
    list.push_back({"x", Role::input, p.dtype(), shape(s.n, s.h, s.w, s.ci)});
    std::vector<int64_t> weights{s.kh, s.kw, s.group_ci(), s.co};
    if (flat) weights.erase(weights.begin());
    list.push_back({"w", Role::weight, p.dtype(), weights});
    append_epilogue_and_output(p, {"y", Role::output, p.dtype(), shape(s.n, s.oh, s.ow, s.co)}, list);
    return list;
}

int64_t reduction(const Problem& p) {
    const ConvShape s = conv_shape(p);
    return s.kh * s.kw * s.group_ci();
}

// Products with padding are counted like any other, as every library counts them.
double flops(const Problem& p) {
    const ConvShape s = conv_shape(p);
    return 2.0 * static_cast<double>(s.n) * static_cast<double>(s.oh) * static_cast<double>(s.ow) *
           static_cast<double>(s.co) * static_cast<double>(reduction(p));
}

void reference(const Problem& p, std::span<const float* const> inputs, float* output) {
    reference_conv(p, conv_shape(p), inputs, output);
}

PairSpec extent(const std::string& name) { return {.name = name, .axes = {name}}; }

// `axes` is "hw" or "w".
Operator convolution(const std::string& name, const std::string& summary, const std::string& axes) {
    Operator op;
    op.name = name;
    op.summary = summary;
    op.spec.op = name;
    op.spec.extents.push_back({.name = "n", .axes = {"n"}, .default_value = 1, .always_written = true});
    for (const char axis : axes) op.spec.extents.push_back(extent({axis}));
    op.spec.extents.push_back(extent("ci"));
    op.spec.extents.push_back(extent("co"));
    for (const char axis : axes) op.spec.extents.push_back(extent({'k', axis}));

    PairSpec stride{.name = "stride", .default_value = 1};
    PairSpec pad{.name = "pad", .default_value = 0, .least = 0};
    PairSpec dilation{.name = "dilation", .default_value = 1};
    for (const char axis : axes) {
        stride.axes.push_back(fmt::format("stride_{}", axis));
        pad.axes.push_back(fmt::format("pad_{}", axis));
        pad.ends.emplace_back(fmt::format("pad_{}_end", axis), fmt::format("pad_{}", axis));
        dilation.axes.push_back(fmt::format("dilation_{}", axis));
    }
    op.spec.attributes = {stride, pad, dilation, {.name = "groups", .axes = {"groups"}, .default_value = 1}};
    op.spec.weights = Weights::fixed;
    op.spec.epilogue = true;
    op.spec.check = check;
    op.arguments = arguments;
    op.flops = flops;
    op.reduction = reduction;
    op.reference = reference;
    return op;
}

}  // namespace

Operator conv2d_operator() {
    return convolution("conv2d", "y[n,oh,ow,co] = x[n,h,w,ci] convolved with w[kh,kw,ci/groups,co]", "hw");
}

Operator conv1d_operator() {
    return convolution("conv1d", "y[n,ow,co] = x[n,w,ci] convolved with w[kw,ci/groups,co]", "w");
}

}  // namespace tilesmith
