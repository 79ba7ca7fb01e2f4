#include "cli/rival.h"

#include <algorithm>
#include <utility>

namespace tilesmith {

namespace {

// Of primitives in a library, each with memory of its own.
constexpr size_t kMostCopies = 2048;

}  // namespace

Rival::Rival(const Peer& peer, const Problem& problem, const Conditions& conditions, const ProblemBuffers& buffers,
             float* output) {
    std::vector<const float*> inputs = buffers.inputs();
    std::vector<void*> places{nullptr};
    size_t weight = 0;
    if (conditions.cache == CacheState::cold_weights) {
        weight = weight_index(problem);
        const auto bytes = static_cast<size_t>(operator_of(problem).arguments(problem)[weight].bytes());
        weights_ = std::make_unique<ColdCopies>(inputs[weight], bytes);
        places = weights_->places();
        places.resize(std::min(places.size(), kMostCopies));
    }
    for (void* const place : places) {
        if (place != nullptr) inputs[weight] = static_cast<const float*>(place);
        auto kernels = peer.prepare(problem, conditions.threads, inputs, output);
        ways_.resize(std::max(ways_.size(), kernels.size()));
        for (size_t way = 0; way < kernels.size(); ++way) ways_[way].kernels.push_back(std::move(kernels[way]));
    }
}

void Rival::run(size_t way) {
    Way& w = ways_[way];
    w.latest = next(way);
    ++w.turn;
    w.kernels[w.latest]->run();
}

}  // namespace tilesmith
