// A reduction's extents, of x[outer,reduced,kept,inner] whose second and fourth axis are reduced, and what follows from
// them.
#pragma once

#include <cstdint>
#include <vector>

#include "core/problem.h"

namespace tilesmith {

struct ReduceShape {
    explicit ReduceShape(const Problem& p)
        : outer(p["outer"]), reduced(p["reduced"]), kept(p["kept"]), inner(p["inner"]) {}

    int64_t outer, reduced, kept, inner;

    // How many elements are reduced to one.
    [[nodiscard]] int64_t terms() const { return reduced * inner; }
    // Halide's order.
    [[nodiscard]] std::vector<int64_t> output_extents() const { return {kept, outer}; }

    // The same memory with neighbouring axes of one kind as one. Afterwards `reduced` is 1, and `outer` too (`kept`
    // rows of `inner` elements), or `reduced` and `kept` are both above 1.
    [[nodiscard]] ReduceShape merged() const {
        ReduceShape shape = *this;
        if (shape.kept == 1) {
            shape.inner *= shape.reduced;
            shape.reduced = 1;
        }
        if (shape.reduced == 1) {
            shape.kept *= shape.outer;
            shape.outer = 1;
        }
        return shape;
    }
};

}  // namespace tilesmith
