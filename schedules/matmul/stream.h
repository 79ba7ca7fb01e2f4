// The template stream: few rows of A against a B that is read once, row by row, without packing: bound by memory.
#pragma once

#include "schedules/template.h"

namespace tilesmith {

struct StreamMatmul {
    static TemplateId id() { return {"stream", 1}; }
    // At most 8 rows, B contiguous along n, n at least a vector long, weights that change with every call.
    static bool applies(const Problem& problem, const Target& target);
    static Space space(const Problem& problem, const Target& target, const Conditions& conditions);
    static Schedule default_schedule(const Problem& problem, const Target& target, const Conditions& conditions);
    static Pipeline build(const Problem& problem, const Schedule& schedule, const Target& target,
                          const Conditions& conditions);
};

}  // namespace tilesmith
