// Memory for tensors, placed as allocators place large ones: from the start of a page on.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <string>

#include "core/error.h"

namespace tilesmith {

struct FreePages {
    void operator()(char* memory) const { std::free(memory); }
};
using PageMemory = std::unique_ptr<char, FreePages>;

inline constexpr size_t kPageBytes = 4096;

// `bytes` rounded up to pages, at least one.
inline size_t whole_pages(size_t bytes) {
    return bytes == 0 ? kPageBytes : (bytes + kPageBytes - 1) / kPageBytes * kPageBytes;
}

// At least `bytes`, uninitialised. Throws run_failed, which names `what` was to be kept there.
inline PageMemory page_memory(size_t bytes, const std::string& what) {
    PageMemory memory(static_cast<char*>(std::aligned_alloc(kPageBytes, whole_pages(bytes))));
    if (!memory) throw run_failed("no memory for " + what, "close other programs");
    return memory;
}

}  // namespace tilesmith
