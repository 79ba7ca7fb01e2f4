// The template direct: any convolution as register tiles of output pixels x vectors of output channels.
#pragma once

#include "schedules/template.h"

namespace tilesmith {

struct DirectConv {
    static TemplateId id() { return {"direct", 1}; }
    static bool applies(const Problem& problem, const Target& target);
    // Which: direct_space.cpp.
    static Space space(const Problem& problem, const Target& target, const Conditions& conditions);
    static Schedule default_schedule(const Problem& problem, const Target& target, const Conditions& conditions);
    // What and how: direct.cpp.
    static Pipeline build(const Problem& problem, const Schedule& schedule, const Target& target,
                          const Conditions& conditions);
};

}  // namespace tilesmith
