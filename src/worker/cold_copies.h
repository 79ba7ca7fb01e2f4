// Weights that are out of the caches, as those of a network are when their layer's turn comes.
#pragma once

#include <cstddef>
#include <vector>

#include "core/page_memory.h"

namespace tilesmith {

// Copies of one tensor, together twice as large as the last cache: used in turn, each has left the caches when its turn
// comes again. But at most as large as the weights of a network are: a last cache that holds these holds a network's
// too.
class ColdCopies {
  public:
    static constexpr size_t kMostBytes = size_t{256} << 20U;  // between ResNet-50's 102 MB and BERT base's 440 MB

    // Copies the `bytes` at `data`, each copy to the start of a page. Throws run_failed when there is no memory.
    ColdCopies(const void* data, size_t bytes);

    // How many copies of `bytes` that takes.
    static size_t count(size_t bytes);

    [[nodiscard]] const std::vector<void*>& places() const { return places_; }

  private:
    PageMemory memory_;
    std::vector<void*> places_;
};

}  // namespace tilesmith
