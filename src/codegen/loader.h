// Loads kernels into this process with LLVM's ORC: one shared copy of our runtime, a dylib a kernel. No Halide.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/error.h"

namespace tilesmith {

class LoadedKernel {
  public:
    virtual ~LoadedKernel() = default;
    // The address of a symbol of the object; null if it has none of this name.
    virtual void* symbol(const std::string& name) = 0;
};

class Loader {
  public:
    Loader();
    ~Loader();
    Loader(const Loader&) = delete;
    Loader& operator=(const Loader&) = delete;

    // `object` is copied. Destroying the result unloads the code. Throws run_failed (undefined symbol, malformed
    // object).
    std::unique_ptr<LoadedKernel> load(const std::string& object);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// Calls a function of `arguments.size()` raw pointers (at most 16) that returns int.
int call_kernel(void* function, const std::vector<void*>& arguments);

}  // namespace tilesmith
