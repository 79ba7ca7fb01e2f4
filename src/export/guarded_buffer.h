// Memory that faults when it is left: the first byte past its end, or before its beginning, is inaccessible.
#pragma once

#include <cstddef>

namespace tilesmith {

class GuardedBuffer {
  public:
    // Zero-filled. Throws run_failed if there is no memory.
    explicit GuardedBuffer(size_t bytes);
    ~GuardedBuffer();
    GuardedBuffer(GuardedBuffer&& other) noexcept;
    GuardedBuffer(const GuardedBuffer&) = delete;
    GuardedBuffer& operator=(const GuardedBuffer&) = delete;
    GuardedBuffer& operator=(GuardedBuffer&&) = delete;

    // `bytes` bytes that begin at a page, after an inaccessible one. at_begin() and at_end() may overlap.
    [[nodiscard]] void* at_begin() const { return begin_; }
    // `bytes` bytes that end at an inaccessible page: as aligned as `bytes` is.
    [[nodiscard]] void* at_end() const { return end_; }
    [[nodiscard]] size_t bytes() const { return bytes_; }

  private:
    size_t bytes_;
    size_t mapped_bytes_;
    char* map_;
    void* begin_;
    void* end_;
};

}  // namespace tilesmith
