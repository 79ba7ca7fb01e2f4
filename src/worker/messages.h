// What the frames mean: requests and replies as types. docs/worker-protocol.md lists every field.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "codegen/compiler.h"
#include "core/outcome.h"
#include "worker/frames.h"
#include "worker/test_data.h"

namespace tilesmith {

// How long and how often a kernel is timed.
struct TimingProtocol {
    double warmup_ns = 1e6;        // calls before the first sample take at least this long together (at least one call)
    double min_sample_ns = 150e3;  // a sample is as many calls as last this long: the clock and its noise stay small
    int min_samples = 6;
    int max_samples = 60;
    double budget_ns = 25e6;       // no more samples after this, once there are three
    double interval_width = 0.02;  // done when the interval of the median is narrower than this part of it
    double stop_above_ns = 0;      // censored when the fastest of the first samples is above this; 0: never
};

// What identifies the data that kernels are checked on.
struct DataId {
    std::string problem;  // canonical text
    uint64_t seed = 1;
    Values values = Values::integers;

    friend bool operator==(const DataId&, const DataId&) = default;
};

struct MeasureRequest {
    DataId data;
    std::string conditions;
    KernelObject kernel;
    bool timed = true;  // false: checked only
    TimingProtocol timing;
};

// Kernels that have been checked, timed in turn: one sample of each a round.
struct CompareRequest {
    DataId data;
    std::string conditions;
    std::vector<KernelObject> kernels;
    double budget_ns = 1e9;
    int min_rounds = 10;
    int max_rounds = 400;
    double min_sample_ns = 200e3;
    // After a third of the budget only the first `defaults` kernels and the `finalists` of least median among the
    // others go on: doubtful candidates are worth a look, and few are worth many rounds. 0 finalists: all go on.
    size_t defaults = 0;
    size_t finalists = 0;
};

struct CompileRequest {
    std::string problem;
    nlohmann::ordered_json schedule;
    nlohmann::ordered_json target;
    std::string conditions;
    Checks checks = Checks::none;
    std::string symbol;
};

nlohmann::ordered_json to_json(const Outcome& outcome);
// Throws run_failed naming what is missing, like all below that read a frame.
Outcome outcome_from(const nlohmann::ordered_json& json);

Frame to_frame(const MeasureRequest& request);
MeasureRequest measure_request(const Frame& frame);
Frame to_frame(const CompareRequest& request);
CompareRequest compare_request(const Frame& frame);
Frame to_frame(const CompileRequest& request);
CompileRequest compile_request(const Frame& frame);

// The reference's output for `data`, sent by the worker that computed it and handed to the workers that follow it.
Frame reference_frame(const DataId& data, const std::vector<float>& output);
DataId data_of(const Frame& frame);
std::vector<float> floats_of(const std::string& payload);

Frame compiled_frame(const CompileResult& result);
CompileResult compile_result(Frame frame);

}  // namespace tilesmith
