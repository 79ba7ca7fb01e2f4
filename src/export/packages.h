// The files through which build systems find a library: a CMake package and a pkg-config file. Both may be moved with
// the folder that holds them.
#pragma once

#include <string>
#include <vector>

#include "export/names.h"

namespace tilesmith {

struct PackageFile {
    std::string path;  // relative to the export's folder
    std::string content;
};

std::vector<PackageFile> package_files(const LibraryNames& names, const std::string& version, bool shared);

// What the library consists of and under which terms.
PackageFile notice_file(const LibraryNames& names, const std::string& version, const std::string& toolchain);

}  // namespace tilesmith
