// The template direct: any convolution as register tiles of output pixels x vectors of output channels.
#pragma once

#include "schedules/template.h"

namespace tilesmith {

// What and how: direct.cpp. Which: direct_space.cpp.
Pipeline build_direct(const Problem& problem, const Schedule& schedule, const Target& target,
                      const Conditions& conditions);

}  // namespace tilesmith
