#include "worker/messages.h"

#include <fmt/format.h>

#include <cstring>

#include "core/error.h"

namespace tilesmith {

using Json = nlohmann::ordered_json;

namespace {

// Reads fields inside `read`; what is missing or of the wrong kind becomes run_failed.
template <class Read>
auto reading(const Frame& frame, Read read) {
    try {
        return read();
    } catch (const nlohmann::json::exception& error) {
        throw run_failed(fmt::format("a frame of type '{}' is malformed: {}", frame.type(), error.what()));
    } catch (const std::out_of_range& error) {
        throw run_failed(fmt::format("a frame of type '{}' lacks a payload: {}", frame.type(), error.what()));
    }
}

Json kernel_json(const KernelObject& kernel) {
    return {{"run_symbol", kernel.run_symbol},
            {"pack_symbol", kernel.pack_symbol},
            {"packed_bytes", kernel.packed_bytes},
            {"workspace_bytes", kernel.workspace_bytes},
            {"workspace_bytes_per_thread", kernel.workspace_bytes_per_thread},
            {"in_place", kernel.in_place}};
}

KernelObject kernel_from(const Json& json, std::string object) {
    KernelObject kernel;
    kernel.object = std::move(object);
    json.at("run_symbol").get_to(kernel.run_symbol);
    json.at("pack_symbol").get_to(kernel.pack_symbol);
    json.at("packed_bytes").get_to(kernel.packed_bytes);
    json.at("workspace_bytes").get_to(kernel.workspace_bytes);
    json.at("workspace_bytes_per_thread").get_to(kernel.workspace_bytes_per_thread);
    json.at("in_place").get_to(kernel.in_place);
    return kernel;
}

Json data_json(const DataId& data) {
    return {{"problem", data.problem}, {"seed", data.seed}, {"values", values_name(data.values)}};
}

DataId data_from(const Json& json) {
    DataId data;
    json.at("problem").get_to(data.problem);
    json.at("seed").get_to(data.seed);
    data.values = values_named(json.at("values").get<std::string>());
    return data;
}

Json timing_json(const TimingProtocol& timing) {
    return {{"warmup_ns", timing.warmup_ns},        {"min_sample_ns", timing.min_sample_ns},
            {"min_samples", timing.min_samples},    {"max_samples", timing.max_samples},
            {"budget_ns", timing.budget_ns},        {"interval_width", timing.interval_width},
            {"stop_above_ns", timing.stop_above_ns}};
}

TimingProtocol timing_from(const Json& json) {
    TimingProtocol timing;
    json.at("warmup_ns").get_to(timing.warmup_ns);
    json.at("min_sample_ns").get_to(timing.min_sample_ns);
    json.at("min_samples").get_to(timing.min_samples);
    json.at("max_samples").get_to(timing.max_samples);
    json.at("budget_ns").get_to(timing.budget_ns);
    json.at("interval_width").get_to(timing.interval_width);
    json.at("stop_above_ns").get_to(timing.stop_above_ns);
    return timing;
}

std::string_view checks_name(Checks checks) { return checks == Checks::none ? "none" : "assertions"; }

}  // namespace

Json to_json(const Outcome& outcome) {
    return {{"status", status_name(outcome.status)}, {"reason", outcome.reason},
            {"samples_ns", outcome.samples_ns},      {"censored", outcome.censored},
            {"reference_ns", outcome.reference_ns},  {"compile_ms", outcome.compile_ms}};
}

Outcome outcome_from(const Json& json) {
    Outcome outcome;
    const auto status = json.at("status").get<std::string>();
    const auto known = status_named(status);
    if (!known) throw run_failed(fmt::format("unknown status '{}' in a frame", status));
    outcome.status = *known;
    json.at("reason").get_to(outcome.reason);
    json.at("samples_ns").get_to(outcome.samples_ns);
    json.at("censored").get_to(outcome.censored);
    json.at("reference_ns").get_to(outcome.reference_ns);
    json.at("compile_ms").get_to(outcome.compile_ms);
    return outcome;
}

Frame to_frame(const MeasureRequest& request) {
    return {{{"type", "measure"},
             {"data", data_json(request.data)},
             {"conditions", request.conditions},
             {"kernel", kernel_json(request.kernel)},
             {"timed", request.timed},
             {"timing", timing_json(request.timing)}},
            {request.kernel.object}};
}

MeasureRequest measure_request(const Frame& frame) {
    return reading(frame, [&frame] {
        MeasureRequest request;
        request.data = data_from(frame.header.at("data"));
        frame.header.at("conditions").get_to(request.conditions);
        request.kernel = kernel_from(frame.header.at("kernel"), frame.payloads.at(0));
        frame.header.at("timed").get_to(request.timed);
        request.timing = timing_from(frame.header.at("timing"));
        return request;
    });
}

Frame to_frame(const CompareRequest& request) {
    Frame frame{{{"type", "compare"},
                 {"data", data_json(request.data)},
                 {"conditions", request.conditions},
                 {"kernels", Json::array()},
                 {"budget_ns", request.budget_ns},
                 {"min_rounds", request.min_rounds},
                 {"max_rounds", request.max_rounds},
                 {"min_sample_ns", request.min_sample_ns},
                 {"defaults", request.defaults},
                 {"finalists", request.finalists}},
                {}};
    for (const KernelObject& kernel : request.kernels) {
        frame.header["kernels"].push_back(kernel_json(kernel));
        frame.payloads.push_back(kernel.object);
    }
    return frame;
}

CompareRequest compare_request(const Frame& frame) {
    return reading(frame, [&frame] {
        CompareRequest request;
        request.data = data_from(frame.header.at("data"));
        frame.header.at("conditions").get_to(request.conditions);
        const Json& kernels = frame.header.at("kernels");
        for (size_t i = 0; i < kernels.size(); ++i)
            request.kernels.push_back(kernel_from(kernels.at(i), frame.payloads.at(i)));
        frame.header.at("budget_ns").get_to(request.budget_ns);
        frame.header.at("min_rounds").get_to(request.min_rounds);
        frame.header.at("max_rounds").get_to(request.max_rounds);
        frame.header.at("min_sample_ns").get_to(request.min_sample_ns);
        frame.header.at("defaults").get_to(request.defaults);
        frame.header.at("finalists").get_to(request.finalists);
        return request;
    });
}

Frame to_frame(const CompileRequest& request) {
    return {{{"type", "compile"},
             {"problem", request.problem},
             {"schedule", request.schedule},
             {"target", request.target},
             {"conditions", request.conditions},
             {"checks", checks_name(request.checks)},
             {"symbol", request.symbol}},
            {}};
}

CompileRequest compile_request(const Frame& frame) {
    return reading(frame, [&frame] {
        CompileRequest request;
        frame.header.at("problem").get_to(request.problem);
        request.schedule = frame.header.at("schedule");
        request.target = frame.header.at("target");
        frame.header.at("conditions").get_to(request.conditions);
        request.checks =
            frame.header.at("checks") == checks_name(Checks::assertions) ? Checks::assertions : Checks::none;
        frame.header.at("symbol").get_to(request.symbol);
        return request;
    });
}

Frame reference_frame(const DataId& data, const std::vector<float>& output) {
    std::string bytes(output.size() * sizeof(float), '\0');
    if (!output.empty()) std::memcpy(bytes.data(), output.data(), bytes.size());
    return {{{"type", "reference"}, {"data", data_json(data)}}, {std::move(bytes)}};
}

DataId data_of(const Frame& frame) {
    return reading(frame, [&frame] { return data_from(frame.header.at("data")); });
}

std::vector<float> floats_of(const std::string& payload) {
    std::vector<float> values(payload.size() / sizeof(float));
    if (!values.empty()) std::memcpy(values.data(), payload.data(), values.size() * sizeof(float));
    return values;
}

Frame compiled_frame(const CompileResult& result) {
    Frame frame{{{"type", "compiled"}, {"outcome", to_json(result.outcome)}}, {}};
    if (result.kernel) {
        frame.header["kernel"] = kernel_json(*result.kernel);
        frame.payloads.push_back(result.kernel->object);
    }
    return frame;
}

CompileResult compile_result(Frame frame) {
    return reading(frame, [&frame] {
        CompileResult result;
        result.outcome = outcome_from(frame.header.at("outcome"));
        if (frame.header.contains("kernel"))
            result.kernel = kernel_from(frame.header.at("kernel"), std::move(frame.payloads.at(0)));
        return result;
    });
}

}  // namespace tilesmith
