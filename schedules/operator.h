// The operators: what can be computed. No Halide here: the worker and the tests check every kernel with `reference`
// alone.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/problem.h"
#include "core/rng.h"

namespace tilesmith {

enum class Role { input, weight, epilogue, output };  // `weight` is what weights=fixed packs beforehand

struct Argument {
    std::string name;
    Role role = Role::input;
    DType dtype = DType::f32;
    std::vector<int64_t> shape;  // row-major, last index contiguous

    [[nodiscard]] int64_t elements() const;
    [[nodiscard]] int64_t bytes() const { return elements() * dtype_bytes(dtype); }
};

// Of those at `positions` the only one that belongs to the epilogue; null where none or several do.
std::optional<size_t> only_epilogue_tensor(const std::vector<Argument>& arguments,
                                           const std::vector<size_t>& positions);

// |got - expected| is at most absolute + relative * |expected|.
struct Tolerance {
    double absolute = 0;
    double relative = 0;

    [[nodiscard]] bool allows(double expected, double got) const {
        return std::abs(got - expected) <= absolute + relative * std::abs(expected);
    }
};

struct Operator {
    std::string name;
    std::string summary;  // one line for `list operators`
    ProblemSpec spec;
    // Inputs, then the epilogue's tensors in the epilogue's order, then the output (always last, always one).
    std::vector<Argument> (*arguments)(const Problem&);
    double (*flops)(const Problem&);
    // How many products are summed into one output element: bounds rounding errors and the exactness of integer inputs.
    int64_t (*reduction)(const Problem&);
    // A small problem of awkward extents as text, for `tilesmith selftest`. Where it does not parse (values that
    // contradict each other), another one is asked for.
    std::string (*random)(Rng&);
    // Of operators that are not sums of products (spec.exact is false): on inputs up to `largest_input`, how far a
    // right result may be from the reference's.
    Tolerance (*tolerance)(const Problem&) = nullptr;
    double largest_input = 1;
    // The naive loops: `inputs` in the order of arguments() (the output left out), plain row-major. Any extents.
    void (*reference)(const Problem&, std::span<const float* const> inputs, float* output);
};

// In the order `list operators` shows.
const std::vector<Operator>& operators();

// Throws bad_input listing the operators.
const Operator& operator_named(const std::string& name);
inline const Operator& operator_of(const Problem& problem) { return operator_named(problem.op()); }

// Compulsory traffic: every argument touched once.
double compulsory_bytes(const Problem& problem);

// "matmul m=512 n=512 k=512". Throws bad_input.
Problem parse_problem(const std::string& text);

struct WeightedProblem {
    Problem problem;
    int64_t weight = 1;  // how often a network uses it: the "xN" at a line's end
};

// The problems of a workload file; `name` is used in errors ("ansor.txt, line 7: ..."). Throws bad_input.
std::vector<WeightedProblem> parse_workload(const std::string& content, const std::string& name);
std::vector<WeightedProblem> read_workload(const std::string& path);

}  // namespace tilesmith
