// The extents of a convolution as one struct: conv1d is conv2d of height 1, conv2d is conv3d of depth 1. No Halide:
// operators and the reference use it too.
#pragma once

#include <cstdint>

#include "core/problem.h"

namespace tilesmith {

struct ConvShape {
    int64_t n = 1, d = 1, h = 1, w = 1;  // batch and input extents
    int64_t ci = 1, co = 1;              // channels over all groups
    int64_t kd = 1, kh = 1, kw = 1;      // kernel extents, undilated
    int64_t stride_d = 1, stride_h = 1, stride_w = 1;
    int64_t pad_d = 0, pad_h = 0, pad_w = 0;              // zeros before the first plane, row and column
    int64_t pad_d_end = 0, pad_h_end = 0, pad_w_end = 0;  // and after the last
    int64_t dilation_d = 1, dilation_h = 1, dilation_w = 1;
    int64_t groups = 1;
    // Of a capsule convolution: the input has capsules^2 capsules of group_ci() / capsules channels a pixel, the output
    // alike. Each row of capsules is a group, and all groups have the same weights. 1 for plain convolutions.
    int64_t capsules = 1;
    int64_t od = 1, oh = 1, ow = 1;  // output extents

    [[nodiscard]] int64_t group_ci() const { return ci / groups; }
    [[nodiscard]] int64_t group_co() const { return co / groups; }
    // A kernel of one plane that neither strides nor pads along depth: planes are images of a batch.
    [[nodiscard]] bool flat() const { return kd == 1 && stride_d == 1 && !pads_planes(); }
    // A kernel of one tap that neither strides nor pads: a matmul over all pixels.
    [[nodiscard]] bool pointwise() const {
        return flat() && kh == 1 && kw == 1 && stride_h == 1 && stride_w == 1 && !padded();
    }
    // The same of every so many pixels.
    [[nodiscard]] bool strided_points() const {
        return flat() && kh == 1 && kw == 1 && (stride_h > 1 || stride_w > 1) && !padded() && groups == 1;
    }
    [[nodiscard]] bool pads_planes() const { return pad_d != 0 || pad_d_end != 0; }
    // Rows or columns.
    [[nodiscard]] bool padded() const { return pad_h != 0 || pad_w != 0 || pad_h_end != 0 || pad_w_end != 0; }
    [[nodiscard]] bool pads_columns() const { return pad_w != 0 || pad_w_end != 0; }
    // One input channel a group, and of the output as many as the depth multiplier says: group_co().
    [[nodiscard]] bool depthwise() const { return groups == ci; }
};

// How many positions a kernel of `k` taps has in `extent` elements: 0 or less where it does not fit at all.
inline int64_t conv_output_extent(int64_t extent, int64_t k, int64_t stride, int64_t pad, int64_t pad_end,
                                  int64_t dilation) {
    const int64_t room = extent + pad + pad_end - ((k - 1) * dilation + 1);
    return room < 0 ? 0 : room / stride + 1;
}

// Of a problem of conv3d, conv2d, conv1d or capsule_conv2d.
inline ConvShape conv_shape(const Problem& problem) {
    ConvShape s;
    s.n = problem["n"];
    s.w = problem["w"];
    s.ci = problem["ci"];
    s.co = problem["co"];
    s.kw = problem["kw"];
    s.stride_w = problem["stride_w"];
    s.pad_w = problem["pad_w"];
    s.pad_w_end = problem["pad_w_end"];
    s.dilation_w = problem["dilation_w"];
    if (problem.op() == "capsule_conv2d") {
        s.capsules = s.groups = problem["capsule"];
        s.ci *= s.capsules * s.capsules;
        s.co *= s.capsules * s.capsules;
    } else {
        s.groups = problem["groups"];
    }
    if (problem.op() == "conv3d") {
        s.d = problem["d"];
        s.kd = problem["kd"];
        s.stride_d = problem["stride_d"];
        s.pad_d = problem["pad_d"];
        s.pad_d_end = problem["pad_d_end"];
        s.dilation_d = problem["dilation_d"];
    }
    if (problem.op() != "conv1d") {
        s.h = problem["h"];
        s.kh = problem["kh"];
        s.stride_h = problem["stride_h"];
        s.pad_h = problem["pad_h"];
        s.pad_h_end = problem["pad_h_end"];
        s.dilation_h = problem["dilation_h"];
    }
    s.od = conv_output_extent(s.d, s.kd, s.stride_d, s.pad_d, s.pad_d_end, s.dilation_d);
    s.oh = conv_output_extent(s.h, s.kh, s.stride_h, s.pad_h, s.pad_h_end, s.dilation_h);
    s.ow = conv_output_extent(s.w, s.kw, s.stride_w, s.pad_w, s.pad_w_end, s.dilation_w);
    return s;
}

}  // namespace tilesmith
