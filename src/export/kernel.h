// A kernel on its way into a library: what export_library and the writers of its files share.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "codegen/compiler.h"
#include "export/export.h"
#include "export/names.h"
#include "export/objects.h"
#include "schedules/operator.h"

namespace tilesmith {

struct LibraryKernel {
    const ExportEntry* entry = nullptr;
    std::vector<Argument> arguments;  // the operator's: inputs, epilogue, output
    std::optional<size_t> packed;     // which argument is packed beforehand (weights=fixed)
    int64_t packed_bytes = 0;         // of the packed argument
    KernelObject object;              // the object as compiled, with its hidden symbols' final names
    Code code;

    // The public functions; those of packing are empty without it, those of the workspace where the kernel needs none.
    std::string name;  // "tilesmith_matmul_f32_m512_n512_k512"
    std::string run, packed_bytes_function, pack, workspace_bytes_function, run_with_workspace;

    [[nodiscard]] bool has_workspace() const {
        return object.workspace_bytes > 0 || object.workspace_bytes_per_thread > 0;
    }
};

// Kernels that differ in their extents alone, with a dispatcher that takes these at run time.
struct Dispatcher {
    std::string name;  // "tilesmith_matmul_f32"
    std::vector<const LibraryKernel*> kernels;
    std::string run, packed_bytes_function, pack;  // as in LibraryKernel
};

struct Library {
    LibraryNames names;
    std::vector<LibraryKernel> kernels;
    std::vector<Dispatcher> dispatchers;
    int threads = 1;  // the most that one of the kernels was tuned for
};

// The codes of the library beside the run time's.
inline constexpr int kOutOfMemoryCode = -11;
inline constexpr int kNullPointerCode = -34;
inline constexpr int kUnsupportedCpuCode = -1001;
inline constexpr int kNoKernelCode = -1002;

// The name of argument `index` in the public functions: its own, or "packed_w" for the packed one.
std::string argument_name(const LibraryKernel& kernel, size_t index);

}  // namespace tilesmith
