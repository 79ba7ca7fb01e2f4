// The operators reduce_sum, reduce_max and reduce_mean over axes. Neighbouring axes that are both kept or both
// reduced are one axis in memory, so nine extents are enough for every set of axes of an array that has eight:
// x[outer,reduced,kept,inner,kept2,inner2,kept3,inner3,kept4] becomes y[outer,kept,kept2,kept3,kept4].
#include "schedules/mean_tolerance.h"
#include "schedules/operator_rows.h"
#include "schedules/random_extents.h"
#include "schedules/reduce/axes.h"
#include "schedules/reduce/shape.h"
#include "schedules/reference/reference.h"

namespace tilesmith {

namespace {

std::vector<Argument> arguments(const Problem& p) {
    const ReduceShape s(p);
    return {{"x", Role::input, p.dtype(), s.groups}, {"y", Role::output, p.dtype(), s.kept_extents()}};
}

int64_t terms(const Problem& p) { return ReduceShape(p).terms(); }

// One operation an element.
double flops(const Problem& p) { return static_cast<double>(arguments(p).front().elements()); }

// Five groups and more, of which those in the middle may be long.
std::string alternating_extents(Rng& rng) {
    std::string text = pairs_text({{"outer", random_extent(rng, 3)},
                                   {"reduced", random_extent(rng, 5)},
                                   {"kept", random_extent(rng, 5)},
                                   {"inner", random_extent(rng, 12)},
                                   {"kept2", random_extent(rng, 30)}});
    if (rng.below(2) > 0) text += pairs_text({{"inner2", random_extent(rng, 20)}});
    if (rng.below(3) == 0)
        text += pairs_text(
            {{"kept3", random_extent(rng, 3)}, {"inner3", random_extent(rng, 3)}, {"kept4", random_extent(rng, 3)}});
    return text;
}

std::string random_reduction(const std::string& op, Rng& rng) {
    if (rng.below(3) == 0) return op + alternating_extents(rng);
    std::string text = op + pairs_text({{"outer", random_extent(rng, 20)}, {"reduced", random_extent(rng, 300)}});
    if (rng.below(3) > 0) text += pairs_text({{"kept", random_extent(rng, 100)}});
    if (rng.below(2) > 0) text += pairs_text({{"inner", random_extent(rng, 60)}});
    return text;
}

std::string random_sum(Rng& rng) { return random_reduction("reduce_sum", rng); }
std::string random_max(Rng& rng) { return random_reduction("reduce_max", rng); }
std::string random_mean(Rng& rng) { return random_reduction("reduce_mean", rng); }

Operator reduction(const std::string& name, const std::string& summary) {
    Operator op;
    op.name = name;
    op.summary = summary;
    op.spec.op = name;
    for (const char* const group : kReduceGroups) {
        const std::string pair = group;
        op.spec.extents.push_back({.name = pair, .axes = {pair}, .default_value = 1});
        if (pair == "reduced") op.spec.extents.back().default_value.reset();
    }
    op.spec.shorthand = shape_and_axes();
    op.arguments = arguments;
    op.flops = flops;
    op.reduction = terms;
    return op;
}

}  // namespace

Operator reduce_sum_operator() {
    Operator op = reduction("reduce_sum", "y[o,k,...] = sum over r, i, ... of x[o,r,k,i,...]");
    op.random = random_sum;
    op.reference = reference_reduce_sum;
    return op;
}

Operator reduce_max_operator() {
    Operator op = reduction("reduce_max", "y[o,k,...] = largest over r, i, ... of x[o,r,k,i,...]");
    op.spec.exact = false;  // among many whole numbers the largest is there too often to show what was left out
    op.tolerance = [](const Problem&) { return Tolerance{}; };  // the result is one of the elements
    op.random = random_max;
    op.reference = reference_reduce_max;
    return op;
}

Operator reduce_mean_operator() {
    Operator op = reduction("reduce_mean", "y[o,k,...] = mean over r, i, ... of x[o,r,k,i,...]");
    op.spec.exact = false;
    op.tolerance = [](const Problem& p) { return mean_tolerance(terms(p)); };
    op.random = random_mean;
    op.reference = reference_reduce_mean;
    return op;
}

}  // namespace tilesmith
