#include "codegen/autoscheduled.h"

#include <Halide.h>
#include <link.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>

#include "codegen/lowering.h"
#include "codegen/pipeline_compiler.h"
#include "codegen/plain_algorithm.h"

namespace tilesmith {

namespace {

Pipeline scheduled(const Problem& problem, const std::string& scheduler, int threads, const Target& target) {
    Halide::load_plugin(autoscheduler_path(scheduler));
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

}  // namespace

// The plug-ins lie beside the library.
std::string autoscheduler_path(const std::string& scheduler) {
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

bool has_autoscheduler(const std::string& scheduler) { return std::filesystem::exists(autoscheduler_path(scheduler)); }

bool can_autoschedule(const Problem& problem) { return has_plain_algorithm(problem); }

CompileResult compile_autoscheduled(const Problem& problem, const std::string& scheduler, int threads,
                                    const Target& target, const std::string& symbol) {
    return compile_pipeline([&] { return scheduled(problem, scheduler, threads, target); }, target, Checks::assertions,
                            symbol);
}

}  // namespace tilesmith
