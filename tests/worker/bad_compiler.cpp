// Stands in for tilesmith-compiler: "compiles" a schedule by handing out the kernel of tests/worker/bad_kernels.c that
// is named like its template; some templates are about what a compiler may do wrong itself.
//   bad_compiler OBJECT OBJECT-WITH-UNDEFINED-SYMBOL
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <sstream>

#include "core/error.h"
#include "worker/child_channel.h"
#include "worker/messages.h"

namespace {

using namespace tilesmith;

std::string content_of(const char* path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream content;
    content << file.rdbuf();
    return content.str();
}

CompileResult compile(const std::string& name, char** argv) {
    if (name == "compiler_crashes") raise(SIGABRT);
    while (name == "compiler_never_ends") pause();
    if (name == "refused") return {Outcome::failed(Status::compile_failed, "no such schedule"), std::nullopt};
    if (name == "prints") std::puts("this must not disturb the frames");
    KernelObject kernel;
    kernel.object = content_of(argv[name == "undefined" ? 2 : 1]);
    kernel.run_symbol = name == "prints" ? "good" : name;
    if (name.starts_with("adds")) kernel.in_place = {2};
    return {Outcome{}, kernel};
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    try {
        ChildChannel channel(nlohmann::ordered_json::object({{"program", "bad_compiler"}}));
        while (const auto frame = channel.read()) {
            const CompileRequest request = compile_request(*frame);
            channel.write(compiled_frame(compile(request.schedule.at("template").get<std::string>(), argv)));
        }
    } catch (const std::exception& error) {
        std::cerr << error.what() << "\n";
        return 3;
    }
    return 0;
}
