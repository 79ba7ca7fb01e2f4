// The objects that every library carries, compiled when Tilesmith is built and embedded in it.
#pragma once

#include <string>
#include <vector>

#include "export/objects.h"

namespace tilesmith {

// The run time (src/runtime) and library_support.c, with the names of their sources.
std::vector<ArchiveMember> embedded_objects();

}  // namespace tilesmith
