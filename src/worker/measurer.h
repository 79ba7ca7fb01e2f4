// What the worker does with a request: loads the kernel, checks it on guarded data, times it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "codegen/loader.h"
#include "worker/child_channel.h"
#include "worker/guarded_memory.h"
#include "worker/messages.h"
#include "worker/timing.h"

namespace tilesmith {

class Measurer {
  public:
    Measurer(ChildChannel& channel, std::string lock_path) : channel_(channel), lock_path_(std::move(lock_path)) {}
    ~Measurer();
    Measurer(const Measurer&) = delete;
    Measurer& operator=(const Measurer&) = delete;

    Outcome measure(const MeasureRequest& request);
    // An outcome for each kernel, samples in the order of the rounds.
    std::vector<Outcome> compare(const CompareRequest& request);
    // A reference's output that an earlier worker computed.
    void learn_reference(const DataId& data, std::vector<float> output);

  private:
    // The tensors of a problem and the right answer.
    struct Tensors;
    // A kernel ready to be called on them.
    struct Bound;

    Tensors& tensors_for(const DataId& data);
    std::vector<float> expected_for(const DataId& data, const Problem& problem,
                                    const std::vector<std::vector<float>>& inputs);
    std::unique_ptr<Bound> bind(const KernelObject& kernel, Tensors& tensors);
    void use_conditions(const std::string& text);
    std::optional<Outcome> check(Bound& kernel, Tensors& tensors);

    struct Reference {
        DataId data;
        std::vector<float> output;
    };

    ChildChannel& channel_;
    std::string lock_path_;
    Loader loader_;
    std::string conditions_;             // those that threads are set up for
    bool cold_weights_ = false;          // under them
    std::unique_ptr<Crew> crew_;         // under them: of throughput
    std::vector<Reference> references_;  // the latest few
    std::shared_ptr<Tensors> tensors_;   // of the latest data
};

}  // namespace tilesmith
