// What a kernel's object may leave undefined, by name and address in this process.
#pragma once

#include <string>
#include <vector>

namespace tilesmith {

struct RuntimeSymbol {
    std::string name;
    void* address = nullptr;
};

// Our runtime's functions for kernels, libc's memory functions and libm's functions for floats and doubles.
const std::vector<RuntimeSymbol>& runtime_symbols();

}  // namespace tilesmith
