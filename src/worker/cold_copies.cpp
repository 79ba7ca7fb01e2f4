#include "worker/cold_copies.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "codegen/host.h"

namespace tilesmith {

size_t ColdCopies::count(size_t bytes) {
    static const size_t cache = [] {
        const Target target = resolve_target("host", /*must_run=*/false, nullptr);
        return static_cast<size_t>(std::max(target.l2_bytes, target.l3_bytes));
    }();
    return std::min(2 * cache, kMostBytes) / whole_pages(bytes) + 2;
}

ColdCopies::ColdCopies(const void* data, size_t bytes) {
    const size_t stride = whole_pages(bytes);
    const size_t copies = count(bytes);
    memory_ = page_memory(copies * stride, fmt::format("{} copies of the weights", copies));
    for (size_t i = 0; i < copies; ++i) {
        char* const place = memory_.get() + i * stride;
        std::memcpy(place, data, bytes);
        places_.push_back(place);
    }
}

}  // namespace tilesmith
