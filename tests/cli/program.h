// Runs the built program as a user does and keeps what it wrote.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace tilesmith::test {

struct ProgramRun {
    int status = 0;
    std::string out;
    std::string err;

    [[nodiscard]] nlohmann::json json() const { return nlohmann::json::parse(out); }
    // The objects of an output of one JSON object a line.
    [[nodiscard]] std::vector<nlohmann::json> json_lines() const;
    [[nodiscard]] bool has_control_characters() const;
};

// A new empty folder, removed with everything in it at the end.
class Folder {
  public:
    Folder();
    ~Folder();
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }
    // Writes a file and returns its path.
    std::string write(const std::string& name, const std::string& content) const;
    [[nodiscard]] std::string read(const std::string& name) const;
    // The names in it, sorted.
    [[nodiscard]] std::vector<std::string> names() const;

  private:
    std::string path_;
};

// `tilesmith ARGUMENTS...` in `folder`, its output piped.
ProgramRun run_program(const Folder& folder, const std::vector<std::string>& arguments);

// The same, in a shell after the commands `before` (limits, traps).
ProgramRun run_program_after(const Folder& folder, const std::string& before,
                             const std::vector<std::string>& arguments);

// `tilesmith ARGUMENTS...`, interrupted (SIGINT) after `seconds`.
ProgramRun run_and_interrupt(const Folder& folder, const std::vector<std::string>& arguments, double seconds);

}  // namespace tilesmith::test
