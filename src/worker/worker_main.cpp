// tilesmith-worker: checks and times kernels on the machine it runs on. Speaks frames on stdin and stdout
// (docs/worker-protocol.md); needs LLVM to load objects, and no Halide.
#include <cstring>
#include <iostream>

#include "codegen/host.h"
#include "core/error.h"
#include "worker/child_channel.h"
#include "worker/fault_report.h"
#include "worker/measurer.h"
#include "worker/timing_lock.h"

namespace {

using namespace tilesmith;

Frame compared_frame(const std::vector<Outcome>& outcomes) {
    Frame frame{{{"type", "compared"}, {"outcomes", nlohmann::ordered_json::array()}}, {}};
    for (const Outcome& outcome : outcomes) frame.header["outcomes"].push_back(to_json(outcome));
    return frame;
}

void answer(const Frame& request, Measurer& measurer, ChildChannel& channel) {
    const std::string type = request.type();
    if (type == "measure") {
        const Outcome outcome = measurer.measure(measure_request(request));
        channel.write({{{"type", "measured"}, {"outcome", to_json(outcome)}}, {}});
    } else if (type == "compare") {
        channel.write(compared_frame(measurer.compare(compare_request(request))));
    } else if (type == "reference") {
        measurer.learn_reference(data_of(request), floats_of(request.payloads.at(0)));
    } else {
        throw run_failed("the worker knows no request '" + type + "'");
    }
}

void serve(const std::string& lock_path) {
    ChildChannel channel(
        nlohmann::ordered_json::object({{"program", "tilesmith-worker"}, {"device", host().device.fingerprint}}));
    report_faults(channel.output_fd());
    Measurer measurer(channel, lock_path);
    while (const auto request = channel.read()) {
        try {
            answer(*request, measurer, channel);
        } catch (const Error& error) {
            channel.write({{{"type", "error"}, {"message", error.what()}}, {}});
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    std::string lock_path = TimingLock::kDefaultPath;
    if (argc == 3 && std::strcmp(argv[1], "--lock") == 0) {
        lock_path = argv[2];
    } else if (argc != 1) {
        std::cerr << "usage: tilesmith-worker [--lock FILE]\n"
                     "Started by tilesmith; speaks frames on stdin and stdout, see docs/worker-protocol.md.\n";
        return 2;
    }
    try {
        serve(lock_path);
    } catch (const std::exception& error) {
        std::cerr << "tilesmith-worker: " << error.what() << "\n";
        return 3;
    }
    return 0;
}
