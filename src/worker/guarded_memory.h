// Memory for one argument of a kernel, between inaccessible pages, so that an access outside it faults; inputs cannot
// be written while a kernel runs.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace tilesmith {

// Where in its pages the data lies.
enum class Placement {
    start_at_guard,  // an access before the first element faults. Also where allocators put large tensors, all alike:
                     // equal places of their pages share the sets of the L1 cache, so this is what is timed
    end_at_guard,    // an access behind the last element faults
    misaligned,      // one element (4 bytes) after a 64-byte line: the weakest alignment that callers are promised
};

class GuardedMemory {
  public:
    // `name` is used in reports of faults. Throws run_failed when there is no memory.
    GuardedMemory(std::string name, size_t bytes);
    ~GuardedMemory();
    GuardedMemory(const GuardedMemory&) = delete;
    GuardedMemory& operator=(const GuardedMemory&) = delete;

    // Moves the data; what it holds stays. Afterwards it is writable.
    void place(Placement placement);
    void make_read_only();
    void make_writable();

    [[nodiscard]] void* data() const { return data_; }
    [[nodiscard]] size_t bytes() const { return bytes_; }
    [[nodiscard]] std::span<float> floats() const;
    void fill_with_nan();

    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] const char* mapping() const { return mapping_; }
    [[nodiscard]] size_t mapping_bytes() const { return mapping_bytes_; }
    [[nodiscard]] bool read_only() const { return read_only_; }

  private:
    void protect(int protection);

    std::string name_;
    size_t bytes_ = 0;
    size_t page_ = 0;
    char* mapping_ = nullptr;
    size_t mapping_bytes_ = 0;
    char* data_ = nullptr;
    bool read_only_ = false;
};

}  // namespace tilesmith
