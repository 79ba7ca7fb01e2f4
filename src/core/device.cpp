#include "core/device.h"

namespace tilesmith {

std::string program_version() { return TILESMITH_VERSION; }

}  // namespace tilesmith
