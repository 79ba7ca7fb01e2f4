// Which inputs of a stage may share the output's memory. Internal to src/codegen.
#pragma once

#include <cstddef>
#include <vector>

#include "schedules/pipeline.h"

namespace tilesmith {

// The inputs that are read for nothing but the output element in their element's place, where each output element is
// computed once: such an input may be the output itself. Cautious: a stage that is not understood has none.
std::vector<size_t> in_place_inputs(const Stage& stage);

}  // namespace tilesmith
