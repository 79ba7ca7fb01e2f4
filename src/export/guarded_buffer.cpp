#include "export/guarded_buffer.h"

#include <sys/mman.h>
#include <unistd.h>

#include <utility>

#include "core/error.h"

namespace tilesmith {

GuardedBuffer::GuardedBuffer(size_t bytes) : bytes_(bytes) {
    const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    const size_t inner = (bytes + page - 1) / page * page;
    mapped_bytes_ = inner + 2 * page;
    void* const map = mmap(nullptr, mapped_bytes_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (map == MAP_FAILED) throw run_failed("out of memory while checking the library");
    map_ = static_cast<char*>(map);
    begin_ = map_ + page;
    end_ = map_ + page + inner - bytes;
    if (inner > 0 && mprotect(begin_, inner, PROT_READ | PROT_WRITE) != 0) {
        munmap(map_, mapped_bytes_);
        throw run_failed("out of memory while checking the library");
    }
}

GuardedBuffer::GuardedBuffer(GuardedBuffer&& other) noexcept
    : bytes_(other.bytes_),
      mapped_bytes_(other.mapped_bytes_),
      map_(std::exchange(other.map_, nullptr)),
      begin_(other.begin_),
      end_(other.end_) {}

GuardedBuffer::~GuardedBuffer() {
    if (map_ != nullptr) munmap(map_, mapped_bytes_);
}

}  // namespace tilesmith
