#include "peers/gemm.h"

#include "core/error.h"
#include "schedules/conv/shape.h"

namespace tilesmith {

namespace {

constexpr int kRowMajor = 101;
constexpr int kNoTranspose = 111;
constexpr int kTranspose = 112;

class GemmKernel final : public PeerKernel {
  public:
    GemmKernel(CblasSgemm sgemm, const GemmShape& shape, const float* a, const float* b, float* c)
        : sgemm_(sgemm), shape_(shape), a_(a), b_(b), c_(c) {}

    void run() override {
        const int m = static_cast<int>(shape_.m);
        const int n = static_cast<int>(shape_.n);
        const int k = static_cast<int>(shape_.k);
        for (int64_t i = 0; i < shape_.batch; ++i) {
            sgemm_(kRowMajor, shape_.transpose_a ? kTranspose : kNoTranspose,
                   shape_.transpose_b ? kTranspose : kNoTranspose, m, n, k, 1.0F, a_ + i * shape_.m * shape_.k,
                   shape_.transpose_a ? m : k, b_ + i * shape_.k * shape_.n, shape_.transpose_b ? k : n, 0.0F,
                   c_ + i * shape_.m * shape_.n, n);
        }
    }

  private:
    CblasSgemm sgemm_;
    GemmShape shape_;
    const float* a_;
    const float* b_;
    float* c_;
};

// With one row or one column: the product of the other matrix and a vector.
class GemvKernel final : public PeerKernel {
  public:
    GemvKernel(CblasSgemv sgemv, const GemmShape& shape, const float* a, const float* b, float* c)
        : sgemv_(sgemv), shape_(shape), a_(a), b_(b), c_(c) {}

    void run() override {
        const bool row = shape_.m == 1;  // c = a * B, that is B transposed times a; else c = A * b
        // The matrix as it lies in memory, rows x columns, and whether it multiplies transposed.
        const bool k_first = row ? !shape_.transpose_b : shape_.transpose_a;
        const int64_t outputs = row ? shape_.n : shape_.m;
        const auto rows = static_cast<int>(k_first ? shape_.k : outputs);
        const auto columns = static_cast<int>(k_first ? outputs : shape_.k);
        for (int64_t i = 0; i < shape_.batch; ++i) {
            const float* const a = a_ + i * shape_.m * shape_.k;
            const float* const b = b_ + i * shape_.k * shape_.n;
            sgemv_(kRowMajor, k_first ? kTranspose : kNoTranspose, rows, columns, 1.0F, row ? b : a, columns,
                   row ? a : b, 1, 0.0F, c_ + i * outputs, 1);
        }
    }

    [[nodiscard]] std::string layout() const override { return "plain, gemv"; }

  private:
    CblasSgemv sgemv_;
    GemmShape shape_;
    const float* a_;
    const float* b_;
    float* c_;
};

}  // namespace

std::optional<GemmShape> as_gemm(const Problem& problem) {
    if (problem.dtype() != DType::f32 || !problem.epilogue().empty()) return std::nullopt;
    if (problem.op() == "matmul") {
        return GemmShape{problem["b"], problem["m"],       problem["n"],
                         problem["k"], problem["ta"] != 0, problem["tb"] != 0};
    }
    if (problem.op() == "conv1d" || problem.op() == "conv2d" || problem.op() == "conv3d") {
        const ConvShape s = conv_shape(problem);
        if (!s.pointwise() || s.groups != 1) return std::nullopt;
        return GemmShape{1, s.n * s.d * s.h * s.w, s.co, s.ci, false, false};
    }
    return std::nullopt;
}

std::vector<std::unique_ptr<PeerKernel>> gemm_kernels(const std::string& library, CblasSgemm sgemm, CblasSgemv sgemv,
                                                      const Problem& problem, std::span<const float* const> inputs,
                                                      float* output) {
    const std::optional<GemmShape> shape = as_gemm(problem);
    if (sgemm == nullptr || !shape) throw run_failed(library + " cannot compute '" + problem.text() + "'");
    std::vector<std::unique_ptr<PeerKernel>> kernels;
    kernels.push_back(std::make_unique<GemmKernel>(sgemm, *shape, inputs[0], inputs[1], output));
    if (sgemv != nullptr && (shape->m == 1 || shape->n == 1))
        kernels.push_back(std::make_unique<GemvKernel>(sgemv, *shape, inputs[0], inputs[1], output));
    return kernels;
}

}  // namespace tilesmith
