// The template row_passes: softmax, layer_norm and rms_norm as passes over one row after the other.
#pragma once

#include "schedules/template.h"

namespace tilesmith {

struct RowPasses {
    static TemplateId id() { return {"row_passes", 1}; }
    static bool applies(const Problem& problem, const Target& target);
    static Space space(const Problem& problem, const Target& target, const Conditions& conditions);
    static Schedule default_schedule(const Problem& problem, const Target& target, const Conditions& conditions);
    static Pipeline build(const Problem& problem, const Schedule& schedule, const Target& target,
                          const Conditions& conditions);
};

}  // namespace tilesmith
