// The operators conv3d, conv2d and conv1d: one computation, three spellings. Input [n,d,h,w,ci], weights
// [kd,kh,kw,ci/groups,co] with co ordered group-major, output [n,od,oh,ow,co]; conv2d leaves out the d axis everywhere,
// conv1d the h axis too. And capsule_conv2d: a product of matrices of capsules in place of each product of pixels;
// input [n,h,w,i,k,ci], weights [kh,kw,k,j,ci,co], output [n,oh,ow,i,j,co], summed over kh, kw, k and ci (Hinton et
// al., Matrix Capsules with EM Routing, 2018).
#include <fmt/format.h>

#include "core/error.h"
#include "schedules/conv/shape.h"
#include "schedules/image_spec.h"
#include "schedules/operator_rows.h"
#include "schedules/random_extents.h"
#include "schedules/reference/reference.h"

namespace tilesmith {

namespace {

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
    if (p.op() == "conv3d") check_axis("d", s.d, s.kd, s.pad_d, s.pad_d_end, s.dilation_d);
    if (p.op() != "conv1d") check_axis("h", s.h, s.kh, s.pad_h, s.pad_h_end, s.dilation_h);
    check_axis("w", s.w, s.kw, s.pad_w, s.pad_w_end, s.dilation_w);
    const double padded_elements = static_cast<double>(s.n) * static_cast<double>(s.d) *
                                   static_cast<double>(s.h + s.pad_h + s.pad_h_end) *
                                   static_cast<double>(s.w + s.pad_w + s.pad_w_end) * static_cast<double>(s.ci);
    check_padded_input(p, padded_elements, "make an extent or the padding smaller");
}

std::vector<Argument> arguments(const Problem& p) {
    const ConvShape s = conv_shape(p);
    // The last axes are those of every spelling.
    const size_t first_axis = p.op() == "conv3d" ? 0 : p.op() == "conv2d" ? 1 : 2;
    const auto axes = [first_axis](std::vector<int64_t> extents) {
        extents.erase(extents.begin(), extents.begin() + static_cast<std::ptrdiff_t>(first_axis));
        return extents;
    };
    const auto image = [&](int64_t d, int64_t h, int64_t w, int64_t c) {
        std::vector<int64_t> shape = axes({d, h, w, c});
        shape.insert(shape.begin(), s.n);
        return shape;
    };
    std::vector<Argument> list;
    list.push_back({"x", Role::input, p.dtype(), image(s.d, s.h, s.w, s.ci)});
    list.push_back({"w", Role::weight, p.dtype(), axes({s.kd, s.kh, s.kw, s.group_ci(), s.co})});
    append_epilogue_and_output(p, {"y", Role::output, p.dtype(), image(s.od, s.oh, s.ow, s.co)}, list);
    return list;
}

std::vector<Argument> capsule_arguments(const Problem& p) {
    const ConvShape s = conv_shape(p);
    const int64_t capsules = s.capsules;
    std::vector<Argument> list{{"x", Role::input, p.dtype(), {s.n, s.h, s.w, capsules, capsules, p["ci"]}},
                               {"w", Role::weight, p.dtype(), {s.kh, s.kw, capsules, capsules, p["ci"], p["co"]}}};
    constexpr int kChannelAxes = 3;  // i, j and co: every number of a pixel's capsules has a bias of its own
    append_epilogue_and_output(p, {"y", Role::output, p.dtype(), {s.n, s.oh, s.ow, capsules, capsules, p["co"]}}, list,
                               kChannelAxes);
    return list;
}

int64_t reduction(const Problem& p) {
    const ConvShape s = conv_shape(p);
    return s.kd * s.kh * s.kw * s.group_ci();
}

// Products with padding are counted like any other, as every library counts them.
double flops(const Problem& p) {
    const ConvShape s = conv_shape(p);
    return 2.0 * static_cast<double>(s.n) * static_cast<double>(s.od) * static_cast<double>(s.oh) *
           static_cast<double>(s.ow) * static_cast<double>(s.co) * static_cast<double>(reduction(p));
}

void reference(const Problem& p, std::span<const float* const> inputs, float* output) {
    reference_conv(p, conv_shape(p), inputs, output);
}

// Channels of a dense, a grouped or a depthwise convolution.
std::string random_channels(Rng& rng) {
    const int64_t groups = rng.below(2) == 0 ? 1 : random_extent(rng, 40);
    const bool depthwise = groups > 1 && rng.below(2) == 0;
    const int64_t ci = depthwise ? 1 : random_extent(rng, 48);
    const int64_t multiples = depthwise && rng.below(2) == 0 ? random_below(rng, 3) : 0;
    const int64_t co = depthwise ? 1 + multiples : random_extent(rng, 48);
    return pairs_text({{"ci", ci * groups}, {"co", co * groups}, {"groups", groups}});
}

std::string random_weights(Rng& rng) { return rng.below(4) == 0 ? " weights=fresh" : ""; }

std::string random_conv1d(Rng& rng) {
    std::string text = "conv1d";
    text +=
        pairs_text({{"n", 1 + random_below(rng, 2)}, {"w", random_extent(rng, 64)}, {"kw", 1 + random_below(rng, 7)}});
    text += random_channels(rng);
    text += pairs_text(
        {{"stride", 1 + random_below(rng, 3)}, {"pad", random_below(rng, 4)}, {"dilation", 1 + random_below(rng, 3)}});
    return text + random_weights(rng);
}

std::string random_axis(Rng& rng, const std::string& axis) {
    return pairs_text({{"stride_" + axis, 1 + random_below(rng, 3)},
                       {"pad_" + axis, random_below(rng, 4)},
                       {"pad_" + axis + "_end", random_below(rng, 4)},
                       {"dilation_" + axis, 1 + random_below(rng, 3)}});
}

// What fast algorithms are for: a small dense kernel and channels that fill vectors.
std::string random_fast_conv2d(Rng& rng) {
    return "conv2d kh=3 kw=3 accuracy=fast" + pairs_text({{"n", 1 + random_below(rng, 2)},
                                                          {"h", 3 + random_below(rng, 20)},
                                                          {"w", 3 + random_below(rng, 20)},
                                                          {"ci", 16 + random_below(rng, 40)},
                                                          {"co", 16 + random_below(rng, 40)},
                                                          {"pad_h", random_below(rng, 3)},
                                                          {"pad_w", random_below(rng, 3)},
                                                          {"pad_w_end", random_below(rng, 3)}});
}

std::string random_conv2d(Rng& rng) {
    if (rng.below(4) == 0) return random_fast_conv2d(rng);
    std::string text = "conv2d";
    text += pairs_text({{"n", 1 + random_below(rng, 2)},
                        {"h", random_extent(rng, 24)},
                        {"w", random_extent(rng, 24)},
                        {"kh", 1 + random_below(rng, 5)},
                        {"kw", 1 + random_below(rng, 5)}});
    text += random_channels(rng);
    for (const char* axis : {"h", "w"}) text += random_axis(rng, axis);
    return text + random_weights(rng);
}

std::string random_conv3d(Rng& rng) {
    std::string text = "conv3d";
    text += pairs_text({{"n", 1 + random_below(rng, 2)},
                        {"d", random_extent(rng, 6)},
                        {"h", random_extent(rng, 12)},
                        {"w", random_extent(rng, 12)},
                        {"kd", 1 + random_below(rng, 3)},
                        {"kh", 1 + random_below(rng, 3)},
                        {"kw", 1 + random_below(rng, 3)}});
    text += random_channels(rng);
    for (const char* axis : {"d", "h", "w"}) text += random_axis(rng, axis);
    return text + random_weights(rng);
}

std::string random_capsules(Rng& rng) {
    std::string text = "capsule_conv2d";
    text += pairs_text({{"n", 1 + random_below(rng, 2)},
                        {"h", random_extent(rng, 12)},
                        {"w", random_extent(rng, 12)},
                        {"ci", random_extent(rng, 20)},
                        {"co", random_extent(rng, 20)},
                        {"kh", 1 + random_below(rng, 3)},
                        {"kw", 1 + random_below(rng, 3)},
                        {"capsule", 1 + random_below(rng, 5)}});
    for (const char* axis : {"h", "w"}) text += random_axis(rng, axis);
    return text + random_weights(rng);
}

// `axes` is "dhw", "hw" or "w".
Operator convolution(const std::string& name, const std::string& summary, const std::string& axes) {
    Operator op;
    op.name = name;
    op.summary = summary;
    op.spec.op = name;
    op.spec.extents.push_back({.name = "n", .axes = {"n"}, .default_value = 1, .always_written = true});
    for (const char axis : axes) op.spec.extents.push_back(extent_pair({axis}));
    op.spec.extents.push_back(extent_pair("ci"));
    op.spec.extents.push_back(extent_pair("co"));
    for (const char axis : axes) op.spec.extents.push_back(extent_pair({'k', axis}));

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
    op.random = axes == "w" ? random_conv1d : axes == "hw" ? random_conv2d : random_conv3d;
    op.reference = reference;
    return op;
}

}  // namespace

Operator conv2d_operator() {
    return convolution("conv2d", "y[n,oh,ow,co] = x[n,h,w,ci] convolved with w[kh,kw,ci/groups,co]", "hw");
}

Operator conv3d_operator() {
    return convolution("conv3d", "y[n,od,oh,ow,co] = x[n,d,h,w,ci] convolved with w[kd,kh,kw,ci/groups,co]", "dhw");
}

Operator capsule_conv2d_operator() {
    Operator op = convolution(
        "capsule_conv2d", "y[n,oh,ow,i,j,co] = x[n,h,w,i,k,ci] convolved with w[kh,kw,k,j,ci,co], summed over k", "hw");
    op.spec.extents.push_back(extent_pair("capsule"));
    op.spec.attributes.pop_back();  // groups
    op.arguments = capsule_arguments;
    op.random = random_capsules;
    op.reference = reference_capsule_conv;
    return op;
}

Operator conv1d_operator() {
    return convolution("conv1d", "y[n,ow,co] = x[n,w,ci] convolved with w[kw,ci/groups,co]", "w");
}

}  // namespace tilesmith
