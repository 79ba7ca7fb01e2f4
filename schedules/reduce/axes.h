// A reduction said as an array's shape and its reduced axes: "shape=2x3x4x5 axes=1,3".
#pragma once

#include "core/problem.h"

namespace tilesmith {

Shorthand shape_and_axes();

}  // namespace tilesmith
