// How a library, its kernels and its functions are called: the C names are part of the ABI (docs/abi.md).
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/problem.h"

namespace tilesmith {

struct LibraryNames {
    std::string library;   // "tilesmith_kernels": of files, packages and targets
    std::string prefix;    // "tilesmith_": of every public function
    std::string internal;  // "tilesmith_kernels_rt_": of everything hidden
    std::string macro;     // "TILESMITH_KERNELS": of the header's guard
};

// Throws bad_input unless `library` is a lower-case C identifier of at most 64 characters.
LibraryNames library_names(const std::string& library);

// "matmul_f32_m512_n512_k512": extents, then attributes as name and value, then the words (weights, epilogue).
std::string kernel_name(const Problem& problem);

// "matmul_f32_bias_relu": kernel_name without the extents. Problems of one family share a dispatcher.
std::string family_name(const Problem& problem);

// The extents in the operator's order: the arguments of the dispatcher.
std::vector<std::pair<std::string, int64_t>> extents_of(const Problem& problem);

}  // namespace tilesmith
