// The C header of a library.
#pragma once

#include <string>

#include "core/target.h"
#include "export/kernel.h"

namespace tilesmith {

// C99 and C++ alike; a comment for every function.
std::string header_text(const Library& library, const Target& target);

// The C declaration of a dispatcher's extent: its own name, or one with a suffix where an argument has that name.
std::string extent_parameter(const LibraryKernel& kernel, const std::string& extent);

}  // namespace tilesmith
