// How a kernel is timed: warm-up, samples until the interval of the median is narrow; and a fixed loop beside it, so
// that the drift of the machine can be told from the kernel's own speed.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "worker/crew.h"
#include "worker/messages.h"

namespace tilesmith {

// A loaded function with its arguments.
struct KernelCall {
    void* function = nullptr;
    std::vector<void*> arguments;
    // Cold weights: where the argument `moving` lies, one place a call, in turn. Empty: it stays where it is.
    size_t moving = 0;
    std::vector<void*> places = {};
    size_t turn = 0;
    // Throughput: every member of the crew calls with arguments of its own, the first with `arguments`. Null: one call.
    Crew* crew = nullptr;
    std::vector<std::vector<void*>> others = {};

    // Throws run_failed when the kernel returns an error code.
    void operator()();
};

// Nanoseconds that `calls` calls take together; with a crew, as many calls of each member, at the same time.
double time_calls(KernelCall& kernel, int calls);

struct Timed {
    std::vector<double> samples_ns;  // a call
    bool censored = false;
};
Timed time_kernel(KernelCall& kernel, const TimingProtocol& protocol);

// All kernels in turn, once a round, in an order that changes from round to round; samples_ns[k][r] is of kernel k in
// round r. Before a sample its kernel runs once untimed, to bring its data back into the caches. Kernels left out after
// the first third (CompareRequest::finalists) have fewer samples. `begin(k)` is called before kernel k runs.
std::vector<std::vector<double>> time_in_turn(std::vector<KernelCall>& kernels, const CompareRequest& request,
                                              const std::function<void(int)>& begin);

// A fixed piece of arithmetic in registers, some tens of microseconds: the fastest of three, in nanoseconds. It follows
// the clock frequency and nothing else (a loop over memory took one of two times, a factor of two apart, by chance).
double time_reference_loop();

}  // namespace tilesmith
