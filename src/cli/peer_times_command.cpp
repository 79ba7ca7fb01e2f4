// The hidden subcommand `peer-times LIBRARY PROBLEM CONDITIONS`: times a library in this process on behalf of `bench`.
// Says {"layouts": [...], "outputs": [[the bits of some floats]...]} when ready; answers each line "KERNEL CALLS" with
// {"ns": X}; ends with its input.
#include <bit>
#include <cstdint>
#include <iostream>
#include <memory>

#include "cli/command.h"
#include "cli/contest.h"
#include "cli/print.h"
#include "cli/rival.h"
#include "core/error.h"

namespace tilesmith {

namespace {

struct PeerTimesOptions {
    std::string peer;
    std::string problem;
    std::string conditions;
};

int run(const PeerTimesOptions& options) {
    const Problem problem = parse_problem(options.problem);
    ProblemBuffers buffers(problem, /*seed=*/1);
    float* const output = buffers.new_output();
    Rival rival(peer_named(options.peer), problem, Conditions::parse(options.conditions), buffers, output);
    nlohmann::ordered_json layouts = nlohmann::ordered_json::array();
    nlohmann::ordered_json outputs = nlohmann::ordered_json::array();
    for (size_t way = 0; way < rival.ways(); ++way) {
        rival.begin(way);
        rival.run(way);
        rival.finish(way);
        layouts.push_back(rival.layout(way));
        nlohmann::ordered_json& bits = outputs.emplace_back(nlohmann::ordered_json::array());
        for (const float value : buffers.spread_of(output)) bits.push_back(std::bit_cast<uint32_t>(value));
    }
    print_json_line({{"layouts", layouts}, {"outputs", outputs}});
    size_t index = 0;
    int calls = 0;
    while (std::cin >> index >> calls) {
        if (index >= rival.ways()) throw run_failed("there is no kernel " + std::to_string(index));
        print_json_line({{"ns", time_calls([&] { rival.run(index); }, calls)}});
    }
    return 0;
}

std::function<int()> declare(CLI::App& app) {
    auto options = std::make_shared<PeerTimesOptions>();
    app.add_option("peer", options->peer)->required();
    app.add_option("problem", options->problem)->required();
    app.add_option("conditions", options->conditions)->required();
    return [options] { return run(*options); };
}

}  // namespace

Command peer_times_command() { return {"peer-times", "times a library for bench", "", declare, /*hidden=*/true}; }

}  // namespace tilesmith
