#include "export/embedded.h"

#include <cstddef>
#include <string_view>

// Defined by embedded_objects.S.
extern "C" {
extern const char tilesmith_embedded_runtime[];
extern const char tilesmith_embedded_runtime_end[];
extern const char tilesmith_embedded_errors[];
extern const char tilesmith_embedded_errors_end[];
extern const char tilesmith_embedded_support[];
extern const char tilesmith_embedded_support_end[];
}

namespace tilesmith {

std::vector<ArchiveMember> embedded_objects() {
    const auto bytes = [](const char* begin, const char* end) { return std::string(begin, end); };
    return {{"runtime.o", bytes(tilesmith_embedded_runtime, tilesmith_embedded_runtime_end)},
            {"errors.o", bytes(tilesmith_embedded_errors, tilesmith_embedded_errors_end)},
            {"support.o", bytes(tilesmith_embedded_support, tilesmith_embedded_support_end)}};
}

}  // namespace tilesmith
