// The operator elementwise: a matrix followed by its epilogue alone, y[rows,cols] = epilogue of x[rows,cols]. Without
// an epilogue it is a copy.
#include <algorithm>

#include "schedules/operator_rows.h"
#include "schedules/random_extents.h"
#include "schedules/reference/reference.h"

namespace tilesmith {

namespace {

std::vector<Argument> arguments(const Problem& p) {
    std::vector<Argument> result{{"x", Role::input, p.dtype(), {p["rows"], p["cols"]}}};
    append_epilogue_and_output(p, {"y", Role::output, p.dtype(), {p["rows"], p["cols"]}}, result);
    return result;
}

// One operation an element and step of the chain; a copy counts as one.
double flops(const Problem& p) {
    return static_cast<double>(p["rows"]) * static_cast<double>(p["cols"]) *
           static_cast<double>(std::max<size_t>(1, p.epilogue().size()));
}

std::string random(Rng& rng) {
    return "elementwise" + pairs_text({{"rows", random_extent(rng, 70)}, {"cols", random_extent(rng, 600)}});
}

}  // namespace

Operator elementwise_operator() {
    Operator op;
    op.name = "elementwise";
    op.summary = "y[r,c] = the epilogue of x[r,c]";
    op.spec.op = op.name;
    op.spec.extents = {{.name = "rows", .axes = {"rows"}}, {.name = "cols", .axes = {"cols"}}};
    op.spec.epilogue = true;
    op.arguments = arguments;
    op.flops = flops;
    op.reduction = [](const Problem&) { return int64_t{1}; };
    op.random = random;
    op.reference = reference_elementwise;
    return op;
}

}  // namespace tilesmith
