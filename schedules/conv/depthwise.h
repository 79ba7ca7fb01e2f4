// The template depthwise: one kernel a channel, vectors of channels.
#pragma once

#include "schedules/template.h"

namespace tilesmith {

// What and how: depthwise.cpp. Which: depthwise_space.cpp.
Pipeline build_depthwise(const Problem& problem, const Schedule& schedule, const Target& target,
                         const Conditions& conditions);

}  // namespace tilesmith
