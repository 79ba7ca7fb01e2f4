// Kernels that Halide's automatic schedulers schedule: what ours are compared with. Mullapudi et al. 2016; Li et al.
// 2018; Adams et al. 2019 (SIGGRAPH).
#pragma once

#include <string>

#include "codegen/compiler.h"

namespace tilesmith {

// Whether this machine has the plug-in of `scheduler` ("Mullapudi2016", "Li2018", "Adams2019"), and where it would be.
bool has_autoscheduler(const std::string& scheduler);
std::string autoscheduler_path(const std::string& scheduler);

// Whether there is a plain algorithm for the operator.
bool can_autoschedule(const Problem& problem);

// The operator's plain algorithm, scheduled for so many threads, and compiled like our kernels: raw pointers in
// argument order, on our run time. Weights are not packed. `symbol` as for compile().
CompileResult compile_autoscheduled(const Problem& problem, const std::string& scheduler, int threads,
                                    const Target& target, const std::string& symbol);

}  // namespace tilesmith
