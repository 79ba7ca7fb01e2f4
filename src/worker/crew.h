// Threads that do the same thing at the same time: copies of a kernel that share the machine's caches and memory.
#pragma once

#include <functional>
#include <memory>
#include <vector>

namespace tilesmith {

class Crew {
  public:
    // One thread for each of `cpus`, pinned to it.
    explicit Crew(const std::vector<int>& cpus);
    ~Crew();
    Crew(const Crew&) = delete;
    Crew& operator=(const Crew&) = delete;

    [[nodiscard]] size_t size() const;
    // Calls `work(member)` on every thread at once and returns when all are done: the nanoseconds that the slowest
    // took. Throws what the first of them threw. A member's calls always come from the same thread.
    double run(const std::function<void(size_t member)>& work);

  private:
    struct Shared;
    std::unique_ptr<Shared> shared_;
};

}  // namespace tilesmith
