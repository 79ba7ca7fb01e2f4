// What the tests of the export share: a folder that goes away, requests, and commands run in an empty environment.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "export/export.h"

namespace tilesmith::test {

class TemporaryFolder {
  public:
    TemporaryFolder();
    ~TemporaryFolder();
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;

    [[nodiscard]] std::string path(const std::string& name) const { return (path_ / name).string(); }
    // How many things lie in it, hidden ones too.
    [[nodiscard]] size_t items() const;

  private:
    std::filesystem::path path_;
};

// The default schedules of `problems` for this host.
ExportRequest request_for(const std::vector<std::string>& problems, int threads, const std::string& output);

struct CommandResult {
    int status = -1;
    std::string output;  // stdout and stderr
};
// Runs a shell command with nothing of the caller's environment but the system's own programs in PATH.
CommandResult run_command(const std::string& folder, const std::string& command);

std::string read_file(const std::string& path);
void write_file(const std::string& path, const std::string& content);

}  // namespace tilesmith::test
