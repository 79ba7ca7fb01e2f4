// The template depthwise: one kernel a channel, vectors of channels, no packing.
#pragma once

#include "schedules/template.h"

namespace tilesmith {

struct DepthwiseConv {
    static TemplateId id() { return {"depthwise", 1}; }
    static bool applies(const Problem& problem, const Target& target);
    // Which: depthwise_space.cpp.
    static Space space(const Problem& problem, const Target& target, const Conditions& conditions);
    static Schedule default_schedule(const Problem& problem, const Target& target, const Conditions& conditions);
    // What and how: depthwise.cpp.
    static Pipeline build(const Problem& problem, const Schedule& schedule, const Target& target,
                          const Conditions& conditions);
};

}  // namespace tilesmith
