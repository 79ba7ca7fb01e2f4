// tilesmith-compiler: compiles schedules to objects, one at a time, in a process that may be killed when that takes too
// long or too much. Speaks frames on stdin and stdout (docs/worker-protocol.md). With arguments it compiles what one of
// Halide's automatic schedulers makes of a problem, which can take minutes, and writes the object to stdout.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstring>
#include <iostream>
#include <new>
#include <span>
#include <string>

#include "codegen/autoscheduled.h"
#include "codegen/compiler.h"
#include "codegen/host.h"
#include "core/conditions.h"
#include "core/error.h"
#include "core/schedule.h"
#include "core/target.h"
#include "schedules/operator.h"
#include "worker/child_channel.h"
#include "worker/messages.h"

namespace {

using namespace tilesmith;

constexpr size_t kCompilerBytes = size_t{4} << 30U;
constexpr int kNiceness = 10;  // timing beside it goes first

// Written where memory has run out, so it is made beforehand.
std::string out_of_memory_frame;
int report_fd = -1;

[[noreturn]] void give_up() {
    const ssize_t written = write(report_fd, out_of_memory_frame.data(), out_of_memory_frame.size());
    _exit(written > 0 ? 0 : 1);
}

void limit(int report_to) {
    report_fd = report_to;
    out_of_memory_frame = encode({{{"type", "fault"},
                                   {"status", status_name(Status::out_of_memory)},
                                   {"reason", "compiling needed more than 4 GiB of memory"}},
                                  {}});
    limit_memory(kCompilerBytes);
    std::set_new_handler(give_up);
    setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + kNiceness);
}

CompileResult answer(const CompileRequest& request) {
    return compile(parse_problem(request.problem), Schedule::from_json(request.schedule),
                   Target::from_json(request.target, "the compile request"), Conditions::parse(request.conditions),
                   request.checks, request.symbol);
}

void serve() {
    ChildChannel channel(nlohmann::ordered_json::object({{"program", "tilesmith-compiler"}}));
    limit(channel.output_fd());
    while (const auto request = channel.read()) {
        try {
            channel.write(compiled_frame(answer(compile_request(*request))));
        } catch (const Error& error) {
            channel.write({{{"type", "error"}, {"message", error.what()}}, {}});
        }
    }
}

// `words`: scheduler, threads, problem, symbol. Where the scheduler fails, the reason goes to stdout.
int autoschedule(std::span<char* const> words) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    // Some schedulers take gigabytes; half of the memory leaves the caller its own.
    limit_memory(static_cast<size_t>(usable_memory_bytes() / 2));
    const CompileResult compiled = compile_autoscheduled(parse_problem(words[2]), words[0], std::stoi(words[1]),
                                                         resolve_target("host", true, nullptr), words[3]);
    std::cout << (compiled.kernel ? compiled.kernel->object : compiled.outcome.reason);
    return compiled.kernel ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    const std::span<char* const> words(argv, static_cast<size_t>(argc));
    const bool autoschedules = argc == 6 && std::string(words[1]) == "autoschedule";
    if (argc != 1 && !autoschedules) {
        std::cerr
            << "usage: tilesmith-compiler [autoschedule SCHEDULER THREADS PROBLEM SYMBOL]\n"
               "Started by tilesmith; speaks frames on stdin and stdout, see docs/worker-protocol.md, or writes an "
               "object to stdout.\n";
        return 2;
    }
    try {
        if (autoschedules) return autoschedule(words.subspan(2));
        serve();
    } catch (const std::exception& error) {
        std::cerr << "tilesmith-compiler: " << error.what() << "\n";
        return 3;
    }
    return 0;
}
