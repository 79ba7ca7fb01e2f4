#include "worker/guarded_memory.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "core/error.h"
#include "worker/fault_report.h"

namespace tilesmith {

GuardedMemory::GuardedMemory(std::string name, size_t bytes)
    : name_(std::move(name)), bytes_(bytes), page_(static_cast<size_t>(sysconf(_SC_PAGE_SIZE))) {
    // A page more than the data needs: room to shift it.
    const size_t inner = (bytes / page_ + 2) * page_;
    mapping_bytes_ = inner + 2 * page_;
    void* const mapping = mmap(nullptr, mapping_bytes_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapping == MAP_FAILED) throw run_failed(fmt::format("no memory for the tensor '{}' of {} bytes", name_, bytes));
    mapping_ = static_cast<char*>(mapping);
    data_ = mapping_ + page_;
    watch_for_faults(this);
    make_writable();
}

GuardedMemory::~GuardedMemory() {
    forget_faults(this);
    munmap(mapping_, mapping_bytes_);
}

void GuardedMemory::protect(int protection) {
    if (mprotect(mapping_ + page_, mapping_bytes_ - 2 * page_, protection) != 0)
        throw run_failed(fmt::format("no memory for the tensor '{}' of {} bytes", name_, bytes_));
    read_only_ = (protection & PROT_WRITE) == 0;
}

void GuardedMemory::make_read_only() { protect(PROT_READ); }
void GuardedMemory::make_writable() { protect(PROT_READ | PROT_WRITE); }

void GuardedMemory::place(Placement placement) {
    make_writable();
    char* const inner = mapping_ + page_;
    char* to = inner;
    switch (placement) {
        case Placement::start_at_guard:
            break;
        case Placement::end_at_guard:
            to = mapping_ + mapping_bytes_ - page_ - bytes_;
            break;
        case Placement::misaligned:
            to = inner + sizeof(float);
            break;
    }
    if (to != data_) std::memmove(to, data_, bytes_);
    data_ = to;
}

std::span<float> GuardedMemory::floats() const {
    void* const data = data_;
    return {static_cast<float*>(data), bytes_ / sizeof(float)};
}

void GuardedMemory::fill_with_nan() {
    std::fill(floats().begin(), floats().end(), std::numeric_limits<float>::quiet_NaN());
}

}  // namespace tilesmith
