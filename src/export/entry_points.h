// The public C functions of a library as LLVM IR. They do what C code would do, without a compiler: refuse an
// unsupported CPU and null pointers, then call the kernel.
#pragma once

#include <string>

#include "core/target.h"
#include "export/kernel.h"

namespace tilesmith {

// The functions of one kernel.
std::string entry_points_ir(const LibraryNames& names, const LibraryKernel& kernel);

// The functions of a dispatcher.
std::string dispatcher_ir(const LibraryNames& names, const Dispatcher& dispatcher);

// The constants that library_support.c refers to.
std::string constants_ir(const Library& library, const Target& target);

}  // namespace tilesmith
