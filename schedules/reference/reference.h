// The naive twins: plain loops that know no Halide, whose results every kernel is compared with. Products are summed in
// double, so that integer-valued data give exact results and random data give errors far below a kernel's own.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/problem.h"
#include "schedules/conv/shape.h"

namespace tilesmith {

// Operator::reference of matmul: `inputs` are a, b and the epilogue's tensors, all plain row-major; `output` is c.
void reference_matmul(const Problem& problem, std::span<const float* const> inputs, float* output);

// Operator::reference of every convolution whose extents are `shape`: `inputs` are x, w and the epilogue's tensors.
void reference_conv(const Problem& problem, const ConvShape& shape, std::span<const float* const> inputs,
                    float* output);

// Operator::reference of capsule_conv2d: `inputs` are x, w and the epilogue's tensors.
void reference_capsule_conv(const Problem& problem, std::span<const float* const> inputs, float* output);

// Operator::reference of conv2d_transposed: `inputs` are x, w and the epilogue's tensors.
void reference_conv2d_transposed(const Problem& problem, std::span<const float* const> inputs, float* output);

// Operator::reference of the poolings: the one input is x.
void reference_max_pool(const Problem& problem, std::span<const float* const> inputs, float* output);
void reference_avg_pool(const Problem& problem, std::span<const float* const> inputs, float* output);

// Operator::reference of the operators on rows: `inputs` are x and, where there are any, gamma and beta.
void reference_softmax(const Problem& problem, std::span<const float* const> inputs, float* output);
void reference_layer_norm(const Problem& problem, std::span<const float* const> inputs, float* output);
void reference_rms_norm(const Problem& problem, std::span<const float* const> inputs, float* output);
void reference_norm(const Problem& problem, std::span<const float* const> inputs, float* output);

// Operator::reference of the reductions: the one input is x.
void reference_reduce_sum(const Problem& problem, std::span<const float* const> inputs, float* output);
void reference_reduce_max(const Problem& problem, std::span<const float* const> inputs, float* output);
void reference_reduce_mean(const Problem& problem, std::span<const float* const> inputs, float* output);

// Operator::reference of elementwise: `inputs` are x and the epilogue's tensors.
void reference_elementwise(const Problem& problem, std::span<const float* const> inputs, float* output);

// Operator::reference of transpose: the one input is x.
void reference_transpose(const Problem& problem, std::span<const float* const> inputs, float* output);

// Applies the problem's epilogue to one row of sums (the output's channels), rounds to float and writes the row.
// `tensors` are the epilogue's, in its order; `row` is the row's number, counting over all other axes of the output.
void finish_row(const Problem& problem, std::span<const float* const> tensors, std::vector<double>& sums, int64_t row,
                float* output);

}  // namespace tilesmith
