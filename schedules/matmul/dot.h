// The template dot: a matmul as dot products, for operands that both lie along k and outputs too few to repay packing.
#pragma once

#include "schedules/template.h"

namespace tilesmith {

struct DotMatmul {
    static TemplateId id() { return {"dot", 1}; }
    // Both operands contiguous along k, k at least a vector long, and few rows or few columns.
    static bool applies(const Problem& problem, const Target& target);
    static Space space(const Problem& problem, const Target& target, const Conditions& conditions);
    static Schedule default_schedule(const Problem& problem, const Target& target, const Conditions& conditions);
    static Pipeline build(const Problem& problem, const Schedule& schedule, const Target& target,
                          const Conditions& conditions);
};

}  // namespace tilesmith
