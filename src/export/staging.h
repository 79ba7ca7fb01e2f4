// All-or-nothing output: files are written into a hidden folder beside the final one, which takes its place at the end.
#pragma once

#include <string>

namespace tilesmith {

class Staging {
  public:
    // Throws bad_input if the parent of `output` is missing or unwritable, or if `output` exists and is neither empty
    // nor an earlier export (a folder with the manifest of one).
    explicit Staging(std::string output);
    // Removes what was not committed.
    ~Staging();
    Staging(const Staging&) = delete;
    Staging& operator=(const Staging&) = delete;

    [[nodiscard]] const std::string& folder() const { return folder_; }

    // Writes `content` to `path`, relative to the folder; makes folders as needed. Throws run_failed.
    void write(const std::string& path, const std::string& content) const;

    // Moves the folder to its final place; an earlier export there is replaced in one step. Throws run_failed.
    void commit();

  private:
    std::string output_;
    std::string folder_;
};

}  // namespace tilesmith
