#include "export/manifest.h"

#include "core/device.h"
#include "worker/test_data.h"

namespace tilesmith {
namespace {

using Json = nlohmann::ordered_json;

Json arguments_json(const LibraryKernel& kernel) {
    Json list = Json::array();
    for (const Argument& argument : kernel.arguments) {
        static const char* const kinds[] = {"input", "weight", "epilogue", "output"};
        list.push_back({{"name", argument.name},
                        {"role", argument.role == Role::output ? "output" : "input"},
                        {"kind", kinds[static_cast<size_t>(argument.role)]},
                        {"dtype", dtype_name(argument.dtype)},
                        {"shape", argument.shape}});
    }
    return list;
}

Json packed_json(const LibraryKernel& kernel) {
    return {{"bytes_symbol", kernel.packed_bytes_function},
            {"pack_symbol", kernel.pack},
            {"run_symbol", kernel.run},
            {"argument", kernel.arguments[*kernel.packed].name},
            {"bytes", kernel.packed_bytes}};
}

Json kernel_json(const LibraryKernel& kernel) {
    const ExportEntry& entry = *kernel.entry;
    Json json = {{"symbol", kernel.run},
                 {"problem", entry.problem.text()},
                 {"operator", entry.problem.op()},
                 {"threads", entry.conditions.threads},
                 {"conditions", entry.conditions.text()},
                 {"tier", entry.tier},
                 {"arguments", arguments_json(kernel)}};
    json["in_place"] = Json::array();
    for (const size_t argument : kernel.object.in_place) json["in_place"].push_back(kernel.arguments[argument].name);
    if (kernel.packed) json["packed"] = packed_json(kernel);
    if (kernel.has_workspace()) {
        json["workspace"] = {{"bytes_symbol", kernel.workspace_bytes_function},
                             {"run_symbol", kernel.run_with_workspace}};
    }
    if (entry.median_ns > 0) {
        json["median_ns"] = entry.median_ns;
        json["low_ns"] = entry.interval_ns.low;
        json["high_ns"] = entry.interval_ns.high;
    } else {
        json["median_ns"] = nullptr;  // nothing was measured
    }
    // How far results may be from the reference's on the random data of the verification (worker/test_data.h).
    const Tolerance allowed = tolerance(entry.problem, Values::reals);
    json["error_bound"] = {{"absolute", allowed.absolute}, {"relative", allowed.relative}};
    json["schedule"] = entry.schedule.to_json();
    json["code"] = {{"bytes", kernel.code.bytes}, {"hash", kernel.code.hash}};
    return json;
}

Json dispatcher_json(const Dispatcher& dispatcher) {
    Json json = {{"symbol", dispatcher.run}};
    if (!dispatcher.pack.empty()) {
        json["packed"] = {{"bytes_symbol", dispatcher.packed_bytes_function},
                          {"pack_symbol", dispatcher.pack},
                          {"run_symbol", dispatcher.run}};
    }
    json["extents"] = Json::array();
    for (const auto& [extent, value] : extents_of(dispatcher.kernels.front()->entry->problem)) {
        json["extents"].push_back(extent);
    }
    json["kernels"] = Json::array();
    for (const LibraryKernel* kernel : dispatcher.kernels) json["kernels"].push_back(kernel->run);
    return json;
}

}  // namespace

Json manifest_json(const Library& library, const ExportRequest& request) {
    Json json = {{"library", library.names.library},
                 {"manifest_version", 1},
                 {"tilesmith", program_version()},
                 {"header", "include/" + library.names.library + ".h"},
                 {"static_library", "lib/lib" + library.names.library + ".a"}};
    if (request.shared) json["shared_library"] = "lib/lib" + library.names.library + ".so";
    json["target"] = request.target.to_json();
    json["device"] = {{"fingerprint", request.device.fingerprint},
                      {"description", request.device.description},
                      {"facts", request.device.facts}};
    json["toolchain"] = {{"text", request.toolchain.text}};
    json["threads"] = library.threads;
    const std::string& prefix = library.names.prefix;
    json["functions"] = {{"set_num_threads", prefix + "set_num_threads"},
                         {"set_parallel_for", prefix + "set_parallel_for"},
                         {"error_name", prefix + "error_name"}};
    json["kernels"] = Json::array();
    for (const LibraryKernel& kernel : library.kernels) json["kernels"].push_back(kernel_json(kernel));
    json["dispatchers"] = Json::array();
    for (const Dispatcher& dispatcher : library.dispatchers) json["dispatchers"].push_back(dispatcher_json(dispatcher));
    return json;
}

}  // namespace tilesmith
