// One of our kernels, compiled as it would be exported and loaded into this process, with everything but the timed call
// done beforehand; and the buffers that it and its rivals work on.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "codegen/compiler.h"
#include "codegen/loader.h"
#include "core/page_memory.h"
#include "schedules/operator.h"
#include "worker/cold_copies.h"

namespace tilesmith {

// Page-aligned tensors of a problem, filled with small whole numbers, so that all ways of summing agree exactly.
class ProblemBuffers {
  public:
    ProblemBuffers(const Problem& problem, uint64_t seed);

    [[nodiscard]] const std::vector<const float*>& inputs() const { return inputs_; }
    // A further output buffer of the problem's output size, owned by this object.
    float* new_output();
    [[nodiscard]] size_t output_elements() const { return output_elements_; }
    // Some thousand elements from all parts of an output: enough for two processes to see that they agree.
    [[nodiscard]] std::vector<float> spread_of(const float* output) const;

  private:
    float* allocate(size_t elements);

    std::vector<PageMemory> memory_;
    std::vector<const float*> inputs_;
    size_t output_elements_ = 0;
};

// The position of the weight among the arguments of `problem`. Throws run_failed if it has none.
size_t weight_index(const Problem& problem);

class KernelCall {
  public:
    // Compiles, loads and packs; with cold weights, makes the copies that calls take in turn. Throws negative_answer if
    // `schedule` does not compile. Buffers must outlive this.
    KernelCall(const Problem& problem, const Schedule& schedule, const Target& target, const Conditions& conditions,
               Loader& loader, const ProblemBuffers& buffers, float* output);

    // Ways of calling it: way 0 as it is; where what the epilogue's only `add` adds may be the output itself, way 1
    // adds in place, as in a network's residual connection.
    [[nodiscard]] size_t ways() const { return ways_.size(); }
    // In the words that peers use for theirs.
    [[nodiscard]] std::string layout(size_t way) const { return way == 0 ? "plain" : "plain, adding in place"; }
    // The timed call. Throws negative_answer if the kernel returns an error.
    void run(size_t way = 0);
    // Calls it in every way, before any other call. Throws negative_answer unless all leave the same in the output.
    void check_ways();

  private:
    void pack(const KernelObject& kernel, const Problem& problem);
    void add_in_place(size_t added, size_t output_bytes);

    std::string name_;
    std::unique_ptr<LoadedKernel> kernel_;
    void* function_ = nullptr;
    PageMemory packed_;  // null without packing
    std::unique_ptr<ColdCopies> copies_;
    size_t weight_ = 0;  // its place among the arguments, where there are copies
    size_t turn_ = 0;
    std::vector<std::vector<void*>> ways_;  // the arguments, each time
    PageMemory sum_;                        // of way 1: what is added, and the output
    size_t output_bytes_ = 0;
};

}  // namespace tilesmith
