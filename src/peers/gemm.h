// What OpenBLAS and BLIS share: the C interface to BLAS, and the problems that are one matrix multiplication.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "peers/peer.h"

namespace tilesmith {

// C[batch,m,n] = A[batch,m,k] * B[batch,k,n], row-major.
struct GemmShape {
    int64_t batch = 1, m = 1, n = 1, k = 1;
    bool transpose_a = false, transpose_b = false;
};

// Null where `problem` is not one sgemm a batch element: it has an epilogue, or is a convolution with a larger kernel.
std::optional<GemmShape> as_gemm(const Problem& problem);

// The standard interface, whose enumerations are passed as int.
using CblasSgemm = void (*)(int order, int transpose_a, int transpose_b, int m, int n, int k, float alpha,
                            const float* a, int lda, const float* b, int ldb, float beta, float* c, int ldc);

using CblasSgemv = void (*)(int order, int transpose, int m, int n, float alpha, const float* a, int lda,
                            const float* x, int incx, float beta, float* y, int incy);

// Peer::prepare of `library`, but for its threads. `sgemm` is null where the library is not available; with `sgemv`,
// the product of a matrix and a vector is computed by that too.
std::vector<std::unique_ptr<PeerKernel>> gemm_kernels(const std::string& library, CblasSgemm sgemm, CblasSgemv sgemv,
                                                      const Problem& problem, std::span<const float* const> inputs,
                                                      float* output);

}  // namespace tilesmith
