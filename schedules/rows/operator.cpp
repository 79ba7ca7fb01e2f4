// The operators that reduce rows: softmax, layer_norm and rms_norm over the last axis of x[rows,cols], and norm, the
// Euclidean length of each matrix of x[b,m,n].
#include <algorithm>
#include <cmath>

#include "schedules/operator_rows.h"
#include "schedules/random_extents.h"
#include "schedules/reference/reference.h"
#include "schedules/rows/shape.h"

namespace tilesmith {

namespace {

constexpr double kEps = 1e-5;  // added to a variance, as PyTorch and ONNX have it
constexpr double kRounding = 0x1p-24;

// The rounding errors of a sum of n terms, relative to the sum of their absolute values (see worker/test_data.h), and
// a few more for what follows; twice that.
double rounding_of_sum(int64_t terms) {
    const auto n = static_cast<double>(terms);
    return 2 * (std::min(n, 8 * std::sqrt(n)) + 8) * kRounding;
}

Argument matrix(const Problem& p, const std::string& name, Role role) {
    return {name, role, p.dtype(), {p["rows"], p["cols"]}};
}

Argument vector(const Problem& p, const std::string& name) { return {name, Role::input, p.dtype(), {p["cols"]}}; }

int64_t cols(const Problem& p) { return p["cols"]; }

// One operation an element and pass: subtract, exponential, add, multiply.
double softmax_flops(const Problem& p) { return 4.0 * static_cast<double>(p["rows"]) * static_cast<double>(p["cols"]); }
// Sum; subtract, square, add; subtract, multiply, multiply, add.
double layer_norm_flops(const Problem& p) {
    return 8.0 * static_cast<double>(p["rows"]) * static_cast<double>(p["cols"]);
}
// Square, add; multiply, multiply.
double rms_norm_flops(const Problem& p) { return softmax_flops(p); }

double norm_flops(const Problem& p) {
    return 2.0 * static_cast<double>(p["b"]) * static_cast<double>(p["m"]) * static_cast<double>(p["n"]);
}

// Exponentials are right to a few units in the last place, and their arguments are differences of numbers up to
// kLargestLogit.
constexpr double kLargestLogit = 8;
Tolerance softmax_tolerance(const Problem& p) {
    return {.absolute = 1e-30, .relative = rounding_of_sum(p["cols"]) + 2e-7 + 4 * kLargestLogit * kRounding};
}

// Where few numbers happen to be nearly equal, their deviations are divided by little more than sqrt(eps).
Tolerance layer_norm_tolerance(const Problem& p) {
    constexpr int64_t kMany = 32;
    const double largest = p["cols"] >= kMany ? 4 : 2 / std::sqrt(p.eps());
    return {.absolute = largest * rounding_of_sum(p["cols"])};
}

Tolerance relative_to_sum(const Problem& p) { return {.absolute = 1e-30, .relative = rounding_of_sum(cols(p))}; }

Tolerance norm_tolerance(const Problem& p) { return {.absolute = 1e-30, .relative = rounding_of_sum(p["m"] * p["n"])}; }

std::string random_rows(const std::string& op, Rng& rng) {
    return op + pairs_text({{"rows", random_extent(rng, 70)}, {"cols", random_extent(rng, 600)}});
}

std::string random_rows_and_eps(const std::string& op, Rng& rng) {
    const std::string text = random_rows(op, rng);
    return rng.below(3) == 0 ? text + " eps=0.001" : text;
}

std::string random_softmax(Rng& rng) { return random_rows("softmax", rng); }
std::string random_layer_norm(Rng& rng) { return random_rows_and_eps("layer_norm", rng); }
std::string random_rms_norm(Rng& rng) { return random_rows_and_eps("rms_norm", rng); }
std::string random_norm(Rng& rng) {
    return "norm" +
           pairs_text({{"b", 1 + random_below(rng, 5)}, {"m", random_extent(rng, 90)}, {"n", random_extent(rng, 90)}});
}

Operator over_rows(const std::string& name, const std::string& summary) {
    Operator op;
    op.name = name;
    op.summary = summary;
    op.spec.op = name;
    op.spec.extents = {{.name = "rows", .axes = {"rows"}}, {.name = "cols", .axes = {"cols"}}};
    op.spec.exact = false;
    op.reduction = cols;
    return op;
}

}  // namespace

Operator softmax_operator() {
    Operator op =
        over_rows("softmax", "y[r,c] = exp(x[r,c]) / sum over c of exp(x[r,c]), the row's maximum taken off first");
    op.arguments = [](const Problem& p) {
        return std::vector{matrix(p, "x", Role::input), matrix(p, "y", Role::output)};
    };
    op.flops = softmax_flops;
    op.random = random_softmax;
    op.tolerance = softmax_tolerance;
    op.largest_input = kLargestLogit;
    op.reference = reference_softmax;
    return op;
}

Operator layer_norm_operator() {
    Operator op = over_rows("layer_norm", "y[r,c] = (x[r,c] - mean) / sqrt(variance + eps) * gamma[c] + beta[c]");
    op.spec.eps = kEps;
    op.arguments = [](const Problem& p) {
        return std::vector{matrix(p, "x", Role::input), vector(p, "gamma"), vector(p, "beta"),
                           matrix(p, "y", Role::output)};
    };
    op.flops = layer_norm_flops;
    op.random = random_layer_norm;
    op.tolerance = layer_norm_tolerance;
    op.reference = reference_layer_norm;
    return op;
}

Operator rms_norm_operator() {
    Operator op = over_rows("rms_norm", "y[r,c] = x[r,c] / sqrt(mean of squares + eps) * gamma[c]");
    op.spec.eps = kEps;
    op.arguments = [](const Problem& p) {
        return std::vector{matrix(p, "x", Role::input), vector(p, "gamma"), matrix(p, "y", Role::output)};
    };
    op.flops = rms_norm_flops;
    op.random = random_rms_norm;
    op.tolerance = relative_to_sum;
    op.reference = reference_rms_norm;
    return op;
}

Operator norm_operator() {
    Operator op;
    op.name = "norm";
    op.summary = "y[b] = sqrt(sum over m, n of x[b,m,n]^2)";
    op.spec.op = op.name;
    op.spec.extents = {
        {.name = "b", .axes = {"b"}, .default_value = 1}, {.name = "m", .axes = {"m"}}, {.name = "n", .axes = {"n"}}};
    op.spec.exact = false;
    op.arguments = [](const Problem& p) {
        return std::vector{Argument{"x", Role::input, p.dtype(), {p["b"], p["m"], p["n"]}},
                           Argument{"y", Role::output, p.dtype(), {p["b"]}}};
    };
    op.flops = norm_flops;
    op.reduction = [](const Problem& p) { return p["m"] * p["n"]; };
    op.random = random_norm;
    op.tolerance = norm_tolerance;
    op.reference = reference_norm;
    return op;
}

}  // namespace tilesmith
