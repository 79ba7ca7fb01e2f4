// A local runner whose compiler hands out the kernels of bad_kernels.c.
#pragma once

#include <string>

#include "core/child.h"
#include "schedules/operator.h"
#include "tuner/local_runner.h"

namespace tilesmith {

inline LocalRunnerOptions bad_options() {
    LocalRunnerOptions options;
    options.problem = parse_problem("matmul m=5 n=7 k=3");
    options.target = target_named("x86-64-sse4.1");
    options.jobs = 1;
    options.compile_limit_s = 1;
    options.run_limit_s = 1;
    options.timing.budget_ns = 5e6;
    options.compiler_command = {BAD_COMPILER, BAD_KERNELS, UNDEFINED_KERNEL};
    options.worker_command = {own_program("tilesmith-worker"), "--lock", TIMING_LOCK};
    return options;
}

inline Schedule named_schedule(const std::string& name) { return Schedule(TemplateId{name, 1}); }

}  // namespace tilesmith
