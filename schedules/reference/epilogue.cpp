// The epilogue of the references, one operation after another over a row of sums.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "schedules/reference/reference.h"

namespace tilesmith {

namespace {

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

double gelu_tanh(double x) {
    return 0.5 * x * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
}

// Its limit at minus infinity, where the product has no value.
double gelu(double x) {
    if (std::isinf(x) && x < 0) return 0;
    return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
}

// `tensor` is the operation's row of values, one an element of `sums`; null where it reads none.
void apply(EpilogueOp op, const float* tensor, std::vector<double>& sums) {
    const size_t n = sums.size();
    switch (op) {
        case EpilogueOp::bias:
        case EpilogueOp::add:
            for (size_t i = 0; i < n; ++i) sums[i] += static_cast<double>(tensor[i]);
            break;
        case EpilogueOp::scale:
            for (size_t i = 0; i < n; ++i) sums[i] *= static_cast<double>(tensor[i]);
            break;
        case EpilogueOp::relu:
            for (double& x : sums) x = std::max(x, 0.0);
            break;
        case EpilogueOp::relu6:
            for (double& x : sums) x = std::clamp(x, 0.0, 6.0);
            break;
        case EpilogueOp::gelu:
            for (double& x : sums) x = gelu(x);
            break;
        case EpilogueOp::gelu_tanh:
            for (double& x : sums) x = gelu_tanh(x);
            break;
        case EpilogueOp::sigmoid:
            for (double& x : sums) x = sigmoid(x);
            break;
        case EpilogueOp::tanh:
            for (double& x : sums) x = std::tanh(x);
            break;
        case EpilogueOp::silu:
            for (double& x : sums) x *= sigmoid(x);
            break;
    }
}

}  // namespace

void finish_row(const Problem& problem, std::span<const float* const> tensors, std::vector<double>& sums, int64_t row,
                float* output) {
    const auto channels = static_cast<int64_t>(sums.size());
    size_t next = 0;
    for (const EpilogueOp op : problem.epilogue()) {
        const float* tensor = nullptr;
        switch (epilogue_info(op).tensor) {
            case EpilogueTensor::none:
                break;
            case EpilogueTensor::per_channel:
                tensor = tensors[next++];
                break;
            case EpilogueTensor::full:
                tensor = tensors[next++] + row * channels;
                break;
        }
        apply(op, tensor, sums);
    }
    std::transform(sums.begin(), sums.end(), output + row * channels, [](double x) { return static_cast<float>(x); });
}

}  // namespace tilesmith
