// The epilogue's operations written in Halide: the one place that gives each its meaning in generated code.
#include "schedules/blocks/epilogue.h"

#include <cmath>
#include <initializer_list>
#include <numbers>
#include <string>
#include <utility>

#include "core/error.h"

namespace tilesmith {
namespace {

// Halide's exp turns x / ln 2 into an int32, which large x do not fit: it says 0 for them. From 89 on it is infinite.
Halide::Expr bounded_exp(const Halide::Expr& x) { return Halide::exp(Halide::min(x, 100.0F)); }

Halide::Expr sigmoid(const Halide::Expr& x) { return 1.0F / (1.0F + bounded_exp(-x)); }

// The coefficient of the highest power first.
Halide::Expr polynomial(const Halide::Expr& x, std::initializer_list<float> coefficients) {
    Halide::Expr sum = *coefficients.begin();
    for (const float* next = coefficients.begin() + 1; next != coefficients.end(); ++next) sum = sum * x + *next;
    return sum;
}

// Near 0 an odd polynomial (Moshier, Cephes Math Library, tanhf), elsewhere by the exponential: 2e-7 of the result
// everywhere. Halide's own tanh calls the C library, one element at a time.
Halide::Expr fast_tanh(const Halide::Expr& x) {
    const Halide::Expr z = x * x;
    const Halide::Expr small = polynomial(
        z, {-5.70498872745e-3F, 2.06390887954e-2F, -5.37397155531e-2F, 1.33314422036e-1F, -3.33332819422e-1F});
    const Halide::Expr large = 1.0F - 2.0F / (bounded_exp(2.0F * x) + 1.0F);
    return Halide::select(Halide::abs(x) < 0.625F, small * z * x + x, large);
}

Halide::Expr gelu_tanh(const Halide::Expr& x) {
    const auto root = static_cast<float>(std::sqrt(2 / std::numbers::pi));
    return 0.5F * x * (1.0F + fast_tanh(root * (x + 0.044715F * x * x * x)));
}

// x Phi(x) with Phi(x) = 1/2 + c R(t), where c is x within +-5.1 and t = 2 (c / 5.1)^2 - 1: a polynomial without
// division, two thirds of the operations that Halide's erf takes. The coefficients minimise the largest error of the
// result beyond |x| = 1 and of Phi below it, fitted in Chebyshev polynomials with Lawson's weights. In single precision
// at most 1.0e-6 is wrong, and at most 6.3e-7 of |x|. Below -5.1, where gelu is above -9e-7, the result is 0.
Halide::Expr gelu(const Halide::Expr& x) {
    constexpr float kEnd = 5.1F;
    const Halide::Expr c = Halide::clamp(x, -kEnd, kEnd);
    const Halide::Expr t = c * c * (2 / (kEnd * kEnd)) - 1.0F;
    const Halide::Expr r =
        polynomial(t, {6.827366888e-4F, -1.993782818e-3F, 2.351691946e-3F, -3.152637510e-3F, 6.890669465e-3F,
                       -1.208094135e-2F, 1.746047847e-2F, -2.399883047e-2F, 3.171543404e-2F, -4.022080451e-2F,
                       5.078310147e-2F, -6.900319457e-2F, 1.386052817e-1F});
    return Halide::select(x < -kEnd, 0.0F, x * (r * c + 0.5F));
}

Halide::Expr apply(EpilogueOp op, const Halide::Expr& value, const Halide::Expr& operand) {
    switch (op) {
        case EpilogueOp::bias:
        case EpilogueOp::add:
            return value + operand;
        case EpilogueOp::scale:
            return value * operand;
        case EpilogueOp::relu:
            return Halide::max(value, 0.0F);
        case EpilogueOp::relu6:
            return Halide::min(Halide::max(value, 0.0F), 6.0F);
        case EpilogueOp::gelu:
            return gelu(value);
        case EpilogueOp::gelu_tanh:
            return gelu_tanh(value);
        case EpilogueOp::sigmoid:
            return sigmoid(value);
        case EpilogueOp::tanh:
            return fast_tanh(value);
        case EpilogueOp::silu:
            return value * sigmoid(value);
    }
    throw run_failed("epilogue operation without a meaning");
}

}  // namespace

void EpilogueInputs::append_to(Stage& stage) const {
    stage.inputs.insert(stage.inputs.end(), tensors.begin(), tensors.end());
    stage.input_extents.insert(stage.input_extents.end(), extents.begin(), extents.end());
}

EpilogueInputs epilogue_inputs(const Problem& problem, const std::vector<int64_t>& output_extents) {
    EpilogueInputs inputs;
    for (const EpilogueOp op : problem.epilogue()) {
        const EpilogueInfo& info = epilogue_info(op);
        if (info.tensor == EpilogueTensor::none) continue;
        std::vector<int64_t> extents = output_extents;
        if (info.tensor == EpilogueTensor::per_channel) extents.resize(1);
        const std::string name = std::string(info.name) + "_" + std::to_string(inputs.tensors.size());
        inputs.tensors.emplace_back(Halide::Float(32), static_cast<int>(extents.size()), name);
        inputs.extents.push_back(std::move(extents));
    }
    return inputs;
}

Halide::Expr apply_epilogue(const Problem& problem, const EpilogueInputs& inputs, Halide::Expr value,
                            const std::vector<Halide::Expr>& position) {
    size_t next = 0;
    for (const EpilogueOp op : problem.epilogue()) {
        const EpilogueTensor tensor = epilogue_info(op).tensor;
        Halide::Expr operand;
        if (tensor == EpilogueTensor::per_channel) operand = inputs.tensors[next++](position[0]);
        if (tensor == EpilogueTensor::full) operand = inputs.tensors[next++](position);
        value = apply(op, value, operand);
    }
    return value;
}

}  // namespace tilesmith
