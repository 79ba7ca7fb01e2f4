// Every operator as a Halide algorithm without any schedule, written the way Halide's own examples write it: what
// Halide's automatic schedulers are given.
#pragma once

#include "core/problem.h"
#include "schedules/pipeline.h"

namespace tilesmith {

// Whether plain_algorithm() knows the operator.
bool has_plain_algorithm(const Problem& problem);

// The arguments are Operator::arguments in plain layouts; weights are not packed.
Stage plain_algorithm(const Problem& problem);

}  // namespace tilesmith
