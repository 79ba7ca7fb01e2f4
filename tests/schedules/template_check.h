// Checks schedules of a template against the naive loops, with every buffer flush against an inaccessible page.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/conditions.h"
#include "core/problem.h"
#include "core/rng.h"
#include "core/target.h"
#include "schedules/template.h"

namespace tilesmith {

// This machine's target, and x86-64-avx2 where that is another one it runs: some schedules exist only of narrower
// vectors, others only of wider ones.
std::vector<Target> targets_here();

// What is wrong with the results of `schedule` on the data that `tilesmith try` checks it on, with a seed from `rng`,
// and the command that repeats it; empty when nothing is. With `assertions` the kernel is compiled with Halide's own
// checks of every access to a buffer.
std::string fault_of(const Problem& problem, const Schedule& schedule, const Target& target,
                     const Conditions& conditions, bool assertions, Rng& rng);

// The first fault among the default schedule and `random_schedules` of the named template; empty if there is none. A
// template that does not apply is a fault.
std::string first_fault(const std::string& problem, const std::string& template_name, int random_schedules,
                        const Conditions& conditions, uint64_t seed);

// The same of random schedules that store their output past the caches, as if none had room for it, for every target
// that runs here, on one thread and on two.
std::string first_streaming_fault(const std::string& problem, const std::string& template_name);

// What `schedule` computes of `inputs` (one vector for each argument but the output). Throws run_failed where it does
// not compile or returns an error.
std::vector<float> output_of(const Problem& problem, const Schedule& schedule, const Target& target,
                             const std::vector<std::vector<float>>& inputs);
// The same of the default schedule for this machine.
std::vector<float> output_of(const std::string& problem, const std::vector<std::vector<float>>& inputs);

}  // namespace tilesmith
