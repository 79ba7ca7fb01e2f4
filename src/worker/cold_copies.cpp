#include "worker/cold_copies.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "codegen/host.h"
#include "core/error.h"

namespace tilesmith {

namespace {

constexpr size_t kPage = 4096;

size_t whole_pages(size_t bytes) { return std::max<size_t>(1, (bytes + kPage - 1) / kPage) * kPage; }

}  // namespace

void ColdCopies::Free::operator()(char* memory) const { std::free(memory); }

size_t ColdCopies::count(size_t bytes) {
    static const size_t cache = [] {
        const Target target = resolve_target("host", /*must_run=*/false, nullptr);
        return static_cast<size_t>(std::max(target.l2_bytes, target.l3_bytes));
    }();
    return 2 * cache / whole_pages(bytes) + 2;
}

ColdCopies::ColdCopies(const void* data, size_t bytes) {
    const size_t stride = whole_pages(bytes);
    const size_t copies = count(bytes);
    memory_.reset(static_cast<char*>(std::aligned_alloc(kPage, copies * stride)));
    if (memory_ == nullptr)
        throw run_failed(fmt::format("no memory for {} copies of the weights", copies), "close other programs");
    for (size_t i = 0; i < copies; ++i) {
        char* const place = memory_.get() + i * stride;
        std::memcpy(place, data, bytes);
        places_.push_back(place);
    }
}

}  // namespace tilesmith
