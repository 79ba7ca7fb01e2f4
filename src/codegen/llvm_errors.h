// LLVM's errors as the program's own. Internal to src/codegen.
#pragma once

#include <llvm/Support/Error.h>

#include <string>
#include <utility>

#include "core/error.h"

namespace tilesmith {

// Throws run_failed with LLVM's reason after `what` ("cannot load the kernel").
inline void require(llvm::Error error, const char* what) {
    if (error) throw run_failed(std::string(what) + ": " + llvm::toString(std::move(error)));
}

template <class T>
T require(llvm::Expected<T> value, const char* what) {
    if (!value) require(value.takeError(), what);
    return std::move(*value);
}

}  // namespace tilesmith
