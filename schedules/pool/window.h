// The template window: pooling with vectors of channels.
#pragma once

#include "schedules/template.h"

namespace tilesmith {

struct WindowPool {
    static TemplateId id() { return {"window", 1}; }
    static bool applies(const Problem& problem, const Target& target);
    static Space space(const Problem& problem, const Target& target, const Conditions& conditions);
    static Schedule default_schedule(const Problem& problem, const Target& target, const Conditions& conditions);
    static Pipeline build(const Problem& problem, const Schedule& schedule, const Target& target,
                          const Conditions& conditions);
};

}  // namespace tilesmith
