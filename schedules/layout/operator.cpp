// The operator transpose: two neighbouring axes, or groups of axes, change places; the runs of c elements inside of
// them stay whole. x[b,m,n,c] becomes y[b,n,m,c].
#include "schedules/operator_rows.h"
#include "schedules/random_extents.h"
#include "schedules/reference/reference.h"

namespace tilesmith {

namespace {

std::vector<Argument> arguments(const Problem& p) {
    return {{"x", Role::input, p.dtype(), {p["b"], p["m"], p["n"], p["c"]}},
            {"y", Role::output, p.dtype(), {p["b"], p["n"], p["m"], p["c"]}}};
}

// Nothing is computed: an element moved counts as one operation.
double flops(const Problem& p) { return static_cast<double>(arguments(p).front().elements()); }

std::string random(Rng& rng) {
    std::string text = "transpose";
    text +=
        pairs_text({{"b", 1 + random_below(rng, 3)}, {"m", random_extent(rng, 150)}, {"n", random_extent(rng, 150)}});
    if (rng.below(2) > 0) text += pairs_text({{"c", random_extent(rng, 40)}});
    return text;
}

}  // namespace

Operator transpose_operator() {
    Operator op;
    op.name = "transpose";
    op.summary = "y[b,n,m,c] = x[b,m,n,c]";
    op.spec.op = op.name;
    op.spec.extents = {{.name = "b", .axes = {"b"}, .default_value = 1},
                       {.name = "m", .axes = {"m"}},
                       {.name = "n", .axes = {"n"}},
                       {.name = "c", .axes = {"c"}, .default_value = 1}};
    op.arguments = arguments;
    op.flops = flops;
    op.reduction = [](const Problem&) { return int64_t{1}; };
    op.random = random;
    op.reference = reference_transpose;
    return op;
}

}  // namespace tilesmith
