// The operator matmul: C[b,m,n] = epilogue(A[b,m,k] * B[b,k,n]), with A or B stored transposed where the problem says
// so.
#include <fmt/format.h>

#include "schedules/operator_rows.h"
#include "schedules/random_extents.h"
#include "schedules/reference/reference.h"

namespace tilesmith {

namespace {

std::vector<int64_t> matrix_shape(int64_t batch, int64_t rows, int64_t columns) {
    if (batch == 1) return {rows, columns};
    return {batch, rows, columns};
}

std::vector<Argument> arguments(const Problem& p) {
    const int64_t b = p["b"];
    const int64_t m = p["m"];
    const int64_t n = p["n"];
    const int64_t k = p["k"];
    std::vector<Argument> list;
    list.push_back({"a", Role::input, p.dtype(), p["ta"] != 0 ? matrix_shape(b, k, m) : matrix_shape(b, m, k)});
    list.push_back({"b", Role::weight, p.dtype(), p["tb"] != 0 ? matrix_shape(b, n, k) : matrix_shape(b, k, n)});
    append_epilogue_and_output(p, {"c", Role::output, p.dtype(), matrix_shape(b, m, n)}, list);
    return list;
}

double flops(const Problem& p) {
    return 2.0 * static_cast<double>(p["b"]) * static_cast<double>(p["m"]) * static_cast<double>(p["n"]) *
           static_cast<double>(p["k"]);
}

int64_t reduction(const Problem& p) { return p["k"]; }

// Sometimes with few outputs of many products each.
std::string random(Rng& rng) {
    constexpr uint64_t kLong = 2000;
    const bool long_k = rng.below(6) == 0;
    const int64_t most = long_k ? 40 : 160;
    const uint64_t b = rng.below(4) == 0 ? 1 + rng.below(4) : 1;
    const int64_t m = random_extent(rng, most);
    const int64_t n = random_extent(rng, most);
    const int64_t k = random_extent(rng, 300) + static_cast<int64_t>(long_k ? kLong + rng.below(kLong) : 0);
    const uint64_t ta = rng.below(2);
    const uint64_t tb = rng.below(2);
    const char* const weights = rng.below(2) == 0 ? "fresh" : "fixed";
    return fmt::format("matmul b={} m={} n={} k={} ta={} tb={} weights={}", b, m, n, k, ta, tb, weights);
}

}  // namespace

Operator matmul_operator() {
    Operator op;
    op.name = "matmul";
    op.summary = "C[b,m,n] = A[b,m,k] * B[b,k,n], batched, either side transposed (ta, tb)";
    op.spec.op = op.name;
    op.spec.extents = {
        {.name = "b", .axes = {"b"}, .default_value = 1},
        {.name = "m", .axes = {"m"}},
        {.name = "n", .axes = {"n"}},
        {.name = "k", .axes = {"k"}},
    };
    op.spec.attributes = {
        {.name = "ta", .axes = {"ta"}, .default_value = 0, .least = 0, .most = 1},
        {.name = "tb", .axes = {"tb"}, .default_value = 0, .least = 0, .most = 1},
    };
    op.spec.weights = Weights::fresh;
    op.spec.epilogue = true;
    op.arguments = arguments;
    op.flops = flops;
    op.reduction = reduction;
    op.random = random;
    op.reference = reference_matmul;
    return op;
}

}  // namespace tilesmith
