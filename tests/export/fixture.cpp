#include "fixture.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "codegen/host.h"
#include "schedules/operator.h"
#include "schedules/template.h"

namespace tilesmith::test {

namespace fs = std::filesystem;

TemporaryFolder::TemporaryFolder() {
    std::string pattern = (fs::temp_directory_path() / "tilesmith-test-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make a temporary folder");
    path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

size_t TemporaryFolder::items() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(path_), fs::directory_iterator()));
}

ExportRequest request_for(const std::vector<std::string>& problems, int threads, const std::string& output) {
    ExportRequest request;
    request.target = resolve_target("host", true, nullptr);
    request.device = host().device;
    request.toolchain = toolchain();
    request.output = output;
    request.verifier = {TILESMITH_TEST_VERIFIER};
    Conditions conditions;
    conditions.threads = threads;
    for (const std::string& text : problems) {
        const Problem problem = parse_problem(text);
        request.entries.push_back(
            {problem, conditions, default_schedule(problem, request.target, conditions), "default", 0, {}});
    }
    return request;
}

CommandResult run_command(const std::string& folder, const std::string& command) {
    const std::string script = folder + "/command.sh";
    write_file(script, "cd '" + folder + "' && " + command + "\n");
    FILE* const pipe = popen(("env -i PATH=/usr/local/bin:/usr/bin:/bin HOME=/ sh '" + script + "' 2>&1").c_str(), "r");
    if (pipe == nullptr) throw std::runtime_error("cannot start a shell");
    CommandResult result;
    char chunk[4096];
    while (const size_t size = fread(chunk, 1, sizeof chunk, pipe)) result.output.append(chunk, size);
    const int status = pclose(pipe);
    result.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    fs::remove(script);
    return result;
}

std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream content;
    content << file.rdbuf();
    return content.str();
}

void write_file(const std::string& path, const std::string& content) {
    fs::create_directories(fs::path(path).parent_path());
    std::ofstream(path, std::ios::binary) << content;
}

}  // namespace tilesmith::test
