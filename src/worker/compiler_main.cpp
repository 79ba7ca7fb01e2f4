// tilesmith-compiler: compiles schedules to objects, one at a time, in a process that may be killed when that takes too
// long or too much. Speaks frames on stdin and stdout (docs/worker-protocol.md).
#include <sys/resource.h>
#include <unistd.h>

#include <cstring>
#include <iostream>
#include <new>

#include "codegen/compiler.h"
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

}  // namespace

int main(int argc, char** /*argv*/) {
    if (argc != 1) {
        std::cerr << "usage: tilesmith-compiler\n"
                     "Started by tilesmith; speaks frames on stdin and stdout, see docs/worker-protocol.md.\n";
        return 2;
    }
    try {
        serve();
    } catch (const std::exception& error) {
        std::cerr << "tilesmith-compiler: " << error.what() << "\n";
        return 3;
    }
    return 0;
}
