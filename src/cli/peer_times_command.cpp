// The hidden subcommand `peer-times LIBRARY PROBLEM THREADS`: times a library in this process on behalf of `bench`.
// Says
// {"layouts": [...]} when ready; answers each line "KERNEL CALLS" with {"ns": X}; ends with its input.
#include <iostream>
#include <memory>

#include "cli/command.h"
#include "cli/contest.h"
#include "cli/kernel_call.h"
#include "cli/print.h"
#include "peers/peer.h"

namespace tilesmith {

namespace {

struct PeerTimesOptions {
    std::string peer;
    std::string problem;
    int threads = 1;
};

int run(const PeerTimesOptions& options) {
    const Problem problem = parse_problem(options.problem);
    ProblemBuffers buffers(problem, /*seed=*/1);
    const auto kernels =
        peer_named(options.peer).prepare(problem, options.threads, buffers.inputs(), buffers.new_output());
    nlohmann::ordered_json layouts = nlohmann::ordered_json::array();
    for (const auto& kernel : kernels) layouts.push_back(kernel->layout());
    print_json_line({{"layouts", layouts}});
    size_t index = 0;
    int calls = 0;
    while (std::cin >> index >> calls) {
        PeerKernel& kernel = *kernels.at(index);
        print_json_line({{"ns", time_calls([&] { kernel.run(); }, calls)}});
    }
    return 0;
}

std::function<int()> declare(CLI::App& app) {
    auto options = std::make_shared<PeerTimesOptions>();
    app.add_option("peer", options->peer)->required();
    app.add_option("problem", options->problem)->required();
    app.add_option("threads", options->threads)->required();
    return [options] { return run(*options); };
}

}  // namespace

Command peer_times_command() { return {"peer-times", "times a library for bench", "", declare, /*hidden=*/true}; }

}  // namespace tilesmith
