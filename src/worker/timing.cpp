#include "worker/timing.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <limits>
#include <numeric>

#include "codegen/loader.h"
#include "core/error.h"
#include "core/rng.h"
#include "runtime/tilesmith_runtime.h"

namespace tilesmith {

namespace {

using Clock = std::chrono::steady_clock;

double ns_since(Clock::time_point start) {
    return std::chrono::duration<double, std::nano>(Clock::now() - start).count();
}

int calls_for(double call_ns, double sample_ns) {
    constexpr double kMost = 1e6;
    return static_cast<int>(std::clamp(std::ceil(sample_ns / std::max(call_ns, 1.0)), 1.0, kMost));
}

// Runs for at least `warmup_ns`; the fastest call seen, nanoseconds.
double warm_up(KernelCall& kernel, double warmup_ns) {
    const Clock::time_point start = Clock::now();
    double fastest = std::numeric_limits<double>::infinity();
    do fastest = std::min(fastest, time_calls(kernel, 1));
    while (ns_since(start) < warmup_ns);
    return fastest;
}

// What goes on after the first third: the defaults, and the finalists of least median.
std::vector<size_t> finalists_of(const std::vector<std::vector<double>>& samples, const CompareRequest& request) {
    std::vector<size_t> order(samples.size());
    std::iota(order.begin(), order.end(), size_t{0});
    const auto others = order.begin() + static_cast<ptrdiff_t>(std::min(request.defaults, order.size()));
    std::stable_sort(others, order.end(), [&](size_t a, size_t b) { return median(samples[a]) < median(samples[b]); });
    order.resize(std::min(order.size(), request.defaults + request.finalists));
    return order;
}

bool narrow(const std::vector<double>& samples, double width) {
    const Interval interval = median_interval(samples);
    return interval.high - interval.low <= width * median(samples);
}

}  // namespace

namespace {

void call(void* function, const std::vector<void*>& arguments) {
    if (const int code = call_kernel(function, arguments); code != 0)
        throw run_failed(fmt::format("the kernel returned {} ({})", code, tilesmith_rt_error_name(code)));
}

}  // namespace

void KernelCall::operator()() {
    if (!places.empty()) arguments[moving] = places[turn++ % places.size()];
    call(function, arguments);
}

double time_calls(KernelCall& kernel, int calls) {
    if (kernel.crew != nullptr)
        return kernel.crew->run([&](size_t member) {
            const std::vector<void*>& arguments = member == 0 ? kernel.arguments : kernel.others[member - 1];
            for (int i = 0; i < calls; ++i) call(kernel.function, arguments);
        });
    const Clock::time_point start = Clock::now();
    for (int i = 0; i < calls; ++i) kernel();
    return ns_since(start);
}

Timed time_kernel(KernelCall& kernel, const TimingProtocol& protocol) {
    constexpr size_t kFirst = 3;  // after so many it is known whether a kernel is worth more
    const Clock::time_point start = Clock::now();
    const double fastest_call = warm_up(kernel, protocol.warmup_ns);
    const bool hopeless = protocol.stop_above_ns > 0 && fastest_call > protocol.stop_above_ns;
    const int calls = hopeless ? 1 : calls_for(fastest_call, protocol.min_sample_ns);
    Timed timed;
    std::vector<double>& samples = timed.samples_ns;
    while (samples.size() < static_cast<size_t>(protocol.max_samples)) {
        samples.push_back(time_calls(kernel, calls) / calls);
        if (samples.size() < kFirst && ns_since(start) < 4 * protocol.budget_ns) continue;
        timed.censored =
            protocol.stop_above_ns > 0 && *std::min_element(samples.begin(), samples.end()) > protocol.stop_above_ns;
        if (timed.censored || ns_since(start) > protocol.budget_ns) break;
        if (samples.size() >= static_cast<size_t>(protocol.min_samples) && narrow(samples, protocol.interval_width))
            break;
    }
    return timed;
}

std::vector<std::vector<double>> time_in_turn(std::vector<KernelCall>& kernels, const CompareRequest& request,
                                              const std::function<void(int)>& begin) {
    std::vector<int> calls;
    for (size_t k = 0; k < kernels.size(); ++k) {
        begin(static_cast<int>(k));
        calls.push_back(calls_for(warm_up(kernels[k], request.min_sample_ns), request.min_sample_ns));
    }
    std::vector<std::vector<double>> samples(kernels.size());
    std::vector<size_t> order(kernels.size());
    std::iota(order.begin(), order.end(), size_t{0});
    Rng rng(request.data.seed);
    bool all = request.finalists > 0;
    const Clock::time_point start = Clock::now();
    for (int round = 0; round < request.max_rounds; ++round) {
        if (round >= request.min_rounds && ns_since(start) > request.budget_ns) break;
        if (all && round >= request.min_rounds && ns_since(start) > request.budget_ns / 3) {
            order = finalists_of(samples, request);
            all = false;
        }
        rng.shuffle(order);
        for (const size_t k : order) {
            begin(static_cast<int>(k));
            time_calls(kernels[k], 1);
            samples[k].push_back(time_calls(kernels[k], calls[k]) / calls[k]);
        }
    }
    return samples;
}

double time_reference_loop() {
    double fastest = std::numeric_limits<double>::infinity();
    for (int repeat = 0; repeat < 3; ++repeat) {
        std::array<float, 8> sums{1, 2, 3, 4, 5, 6, 7, 8};
        const Clock::time_point start = Clock::now();
        for (int step = 0; step < 25'000; ++step)
            for (float& sum : sums) sum = sum * 0.999F + 1.0F;
        // The sums could be looked at, so they must be computed before the clock is read.
        asm volatile("" : : "r"(sums.data()) : "memory");
        fastest = std::min(fastest, ns_since(start));
    }
    return fastest;
}

}  // namespace tilesmith
