// Halide's automatic schedulers: the operator's plain algorithm, scheduled by one of them, compiled like our kernels
// and run on our run time, so that schedules alone are compared. Layouts are plain: these schedulers choose no layouts.
// They work in a process of their own, which is ended after a minute. Mullapudi et al. 2016; Li et al. 2018; Adams et
// al. 2019 (SIGGRAPH).
#include <fmt/format.h>

#include <map>
#include <mutex>

#include "codegen/autoscheduled.h"
#include "codegen/host.h"
#include "codegen/loader.h"
#include "core/child.h"
#include "core/error.h"
#include "peers/libraries.h"
#include "runtime/tilesmith_runtime.h"

namespace tilesmith {

namespace {

constexpr double kMostSeconds = 60;
constexpr const char* kSymbol = "tilesmith_peer_kernel";

// The object of what `scheduler` makes of the problem. Throws run_failed where it fails or takes too long.
std::string schedule_it(const Problem& problem, const std::string& scheduler, int threads) {
    const ChildResult child = run_child({own_program("tilesmith-compiler"), "autoschedule", scheduler,
                                         std::to_string(threads), problem.text(), kSymbol},
                                        kMostSeconds);
    if (child.timed_out)
        throw run_failed(
            fmt::format("{} takes longer than {:.0f} s for '{}'", scheduler, kMostSeconds, problem.text()));
    if (child.signal != 0)
        throw run_failed(fmt::format("{} crashes on '{}' (signal {})", scheduler, problem.text(), child.signal));
    if (child.exit_status != 0)
        throw run_failed(fmt::format("{} cannot schedule '{}': {}", scheduler, problem.text(), child.output));
    return child.output;
}

// The same, once for all kernels of a problem.
const std::string& scheduled_object(const Problem& problem, const std::string& scheduler, int threads) {
    static std::mutex mutex;
    static std::map<std::string, std::string> objects;
    const std::lock_guard<std::mutex> lock(mutex);
    std::string& object = objects[fmt::format("{} {} {}", scheduler, threads, problem.text())];
    if (object.empty()) object = schedule_it(problem, scheduler, threads);
    return object;
}

class ScheduledKernel final : public PeerKernel {
  public:
    ScheduledKernel(const Problem& problem, const std::string& scheduler, int threads,
                    std::span<const float* const> inputs, float* output) {
        kernel_ = loader_.load(scheduled_object(problem, scheduler, threads));
        function_ = kernel_->symbol(kSymbol);
        // In the body of a parallel loop, Halide 21 takes an output that it also reads for memory of its own, which is
        // aligned.
        constexpr uintptr_t kAlignment = 64;
        if (reinterpret_cast<uintptr_t>(output) % kAlignment != 0)
            throw run_failed("the output of Halide's kernels must lie on a 64-byte boundary");
        arguments_.push_back(nullptr);
        for (const float* input : inputs) arguments_.push_back(const_cast<float*>(input));
        arguments_.push_back(output);
        tilesmith_rt_set_num_threads(threads);
    }

    void run() override {
        const int code = call_kernel(function_, arguments_);
        if (code != 0) throw run_failed(fmt::format("a kernel of Halide's failed with code {}", code));
    }

  private:
    Loader loader_;
    std::unique_ptr<LoadedKernel> kernel_;
    void* function_ = nullptr;
    std::vector<void*> arguments_;
};

template <const char* scheduler>
bool available() {
    return has_autoscheduler(scheduler);
}

template <const char* scheduler>
std::string version() {
    return available<scheduler>() ? toolchain().text : "";
}

template <const char* scheduler>
std::vector<std::unique_ptr<PeerKernel>> prepare(const Problem& problem, int threads,
                                                 std::span<const float* const> inputs, float* output) {
    std::vector<std::unique_ptr<PeerKernel>> kernels;
    kernels.push_back(std::make_unique<ScheduledKernel>(problem, scheduler, threads, inputs, output));
    return kernels;
}

template <const char* scheduler>
Peer peer(const std::string& name) {
    return {.name = name,
            .title = std::string("Halide's ") + scheduler,
            .library = autoscheduler_path(scheduler),
            .environment = {},
            .by_default = false,
            .our_pool = true,
            .available = available<scheduler>,
            .version = version<scheduler>,
            .supports = can_autoschedule,
            .prepare = prepare<scheduler>};
}

constexpr char kMullapudi[] = "Mullapudi2016";
constexpr char kLi[] = "Li2018";
constexpr char kAdams[] = "Adams2019";

}  // namespace

std::vector<Peer> halide_peers() {
    return {peer<kMullapudi>("halide-mullapudi2016"), peer<kLi>("halide-li2018"), peer<kAdams>("halide-adams2019")};
}

}  // namespace tilesmith
