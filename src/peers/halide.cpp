// Halide's automatic schedulers: the operator's plain algorithm (halide_algorithm.h), scheduled by one of them,
// compiled like our kernels and run on our run time, so that schedules alone are compared. Layouts are plain: these
// schedulers choose no layouts. Mullapudi et al. 2016; Li et al. 2018; Adams et al. 2019 (SIGGRAPH).
#include <Halide.h>
#include <fmt/format.h>
#include <link.h>

#include <algorithm>
#include <filesystem>

#include "codegen/host.h"
#include "codegen/loader.h"
#include "codegen/pipeline_compiler.h"
#include "core/error.h"
#include "peers/halide_algorithm.h"
#include "peers/libraries.h"
#include "runtime/tilesmith_runtime.h"

namespace tilesmith {

namespace {

// What nobody waits for, once for each problem.
constexpr double kMostScheduleMs = 60e3;

// The plug-ins lie beside the library.
std::filesystem::path plugin_path(const std::string& scheduler) {
    std::string name = "libautoschedule_" + scheduler + ".so";
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    std::filesystem::path library;
    const auto find = [](dl_phdr_info* info, size_t /*size*/, void* found) {
        const std::filesystem::path path = info->dlpi_name;
        if (!path.filename().string().starts_with("libHalide")) return 0;
        *static_cast<std::filesystem::path*>(found) = path;
        return 1;
    };
    dl_iterate_phdr(find, &library);
    return library.parent_path() / name;
}

Pipeline scheduled(const Problem& problem, const std::string& scheduler, int threads, const Target& target) {
    Halide::load_plugin(plugin_path(scheduler).string());
    Pipeline pipeline;
    pipeline.run = plain_algorithm(problem);
    const auto region = [](const std::vector<int64_t>& extents) {
        Halide::Region bounds;
        bounds.reserve(extents.size());
        for (const int64_t extent : extents) bounds.emplace_back(0, static_cast<int>(extent));
        return bounds;
    };
    for (size_t i = 0; i < pipeline.run.inputs.size(); ++i)
        pipeline.run.inputs[i].set_estimates(region(pipeline.run.input_extents[i]));
    pipeline.run.output.set_estimates(region(pipeline.run.output_extents));
    std::map<std::string, std::string> parameters{{"parallelism", std::to_string(threads)}};
    if (scheduler == "Mullapudi2016") {
        parameters["last_level_cache_size"] = std::to_string(target.l3_bytes);
        parameters["balance"] = "40";  // its default: the cost of a load in arithmetic operations
    }
    Halide::Pipeline(pipeline.run.output)
        .apply_autoscheduler(halide_target(target), Halide::AutoschedulerParams(scheduler, parameters));
    return pipeline;
}

class ScheduledKernel final : public PeerKernel {
  public:
    ScheduledKernel(const Problem& problem, const std::string& scheduler, int threads,
                    std::span<const float* const> inputs, float* output) {
        const Target target = resolve_target("host", /*must_run=*/true, nullptr);
        const CompileResult compiled = compile_pipeline([&] { return scheduled(problem, scheduler, threads, target); },
                                                        target, Checks::assertions, "tilesmith_peer_kernel");
        if (!compiled.kernel)
            throw run_failed(
                fmt::format("{} cannot schedule '{}': {}", scheduler, problem.text(), compiled.outcome.reason));
        if (compiled.outcome.compile_ms > kMostScheduleMs)
            throw run_failed(
                fmt::format("{} took {:.0f} s for '{}'", scheduler, compiled.outcome.compile_ms / 1e3, problem.text()));
        kernel_ = loader_.load(compiled.kernel->object);
        function_ = kernel_->symbol(compiled.kernel->run_symbol);
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
    return std::filesystem::exists(plugin_path(scheduler));
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
            .library = plugin_path(scheduler).string(),
            .environment = {},
            .by_default = false,
            .available = available<scheduler>,
            .version = version<scheduler>,
            .supports = has_plain_algorithm,
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
