#include "export/staging.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/error.h"

namespace tilesmith {
namespace {

namespace fs = std::filesystem;

bool is_export(const fs::path& folder) {
    std::ifstream file(folder / "manifest.json");
    const auto manifest = nlohmann::json::parse(file, nullptr, /*allow_exceptions=*/false);
    return manifest.is_object() && manifest.contains("manifest_version") && manifest.contains("library");
}

// The absolute path without a slash at its end, so that it has a name and a parent.
fs::path normal_path(const std::string& output) {
    if (output.empty()) throw bad_input("the output folder has no name");
    std::error_code ignored;
    fs::path path = fs::absolute(output, ignored).lexically_normal();
    if (!path.has_filename()) path = path.parent_path();
    return path;
}

void check_output(const fs::path& output) {
    std::error_code error;
    const fs::path parent = output.parent_path();
    if (fs::exists(parent, error) && !fs::is_directory(parent, error))
        throw bad_input(output.string() + " cannot be a folder: " + parent.string() + " is none",
                        "choose another output folder");
    if (!fs::is_directory(parent, error)) {
        throw bad_input("the folder " + parent.string() + " does not exist",
                        "create it, or choose another output folder");
    }
    if (access(parent.c_str(), W_OK | X_OK) != 0) {
        throw bad_input("the folder " + parent.string() + " is not writable", "choose another output folder");
    }
    if (!fs::exists(fs::symlink_status(output, error))) return;
    if (!fs::is_directory(output, error)) {
        throw bad_input(output.string() + " exists and is not a folder", "choose another output folder");
    }
    if (!fs::is_empty(output, error) && !is_export(output)) {
        throw bad_input(output.string() + " exists and holds something else than an exported library",
                        "choose a new or empty output folder");
    }
}

}  // namespace

Staging::Staging(std::string output) : output_(normal_path(output).string()) {
    check_output(output_);
    std::string pattern = (fs::path(output_).parent_path() / ".tilesmith-export-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) {
        throw bad_input("cannot create a folder beside " + output_ + ": " + std::strerror(errno),
                        "choose another output folder");
    }
    folder_ = pattern;
    const mode_t mask = umask(0);
    umask(mask);
    chmod(folder_.c_str(), 0777 & ~mask);
}

Staging::~Staging() {
    std::error_code ignored;
    if (!folder_.empty()) fs::remove_all(folder_, ignored);
}

void Staging::write(const std::string& path, const std::string& content) const {
    const fs::path full = fs::path(folder_) / path;
    std::error_code error;
    fs::create_directories(full.parent_path(), error);
    errno = 0;
    std::ofstream file(full, std::ios::binary);
    file.write(content.data(), static_cast<std::streamsize>(content.size()));
    file.close();
    if (!file) throw run_failed("cannot write " + full.string() + ": " + std::strerror(errno));
}

void Staging::commit() {
    // An empty folder is replaced by rename() itself; an earlier export changes places with the new one, so that there
    // is no moment without either.
    if (rename(folder_.c_str(), output_.c_str()) == 0) {
        folder_.clear();
        return;
    }
    if (errno == ENOTEMPTY || errno == EEXIST) {
        if (renameat2(AT_FDCWD, folder_.c_str(), AT_FDCWD, output_.c_str(), RENAME_EXCHANGE) == 0) return;
        // A file system without exchange: aside, then into place.
        const std::string aside = folder_ + ".old";
        if (rename(output_.c_str(), aside.c_str()) == 0) {
            if (rename(folder_.c_str(), output_.c_str()) == 0) {
                folder_ = aside;
                return;
            }
            rename(aside.c_str(), output_.c_str());
        }
    }
    throw run_failed("cannot move the library to " + output_ + ": " + std::strerror(errno));
}

}  // namespace tilesmith
