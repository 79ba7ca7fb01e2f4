// A library's ways of computing one problem, ready to be timed in this process.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/kernel_call.h"
#include "core/conditions.h"
#include "peers/peer.h"
#include "worker/cold_copies.h"

namespace tilesmith {

class Rival {
  public:
    // Everything but the timed calls. With cold weights each way is prepared once for every copy of them, and the calls
    // take the copies in turn. Buffers must outlive this. Throws run_failed if the library refuses.
    Rival(const Peer& peer, const Problem& problem, const Conditions& conditions, const ProblemBuffers& buffers,
          float* output);

    [[nodiscard]] size_t ways() const { return ways_.size(); }
    [[nodiscard]] std::string layout(size_t way) const { return ways_[way].kernels.front()->layout(); }
    // Before a run() that finish() follows.
    void begin(size_t way) { ways_[way].kernels[next(way)]->begin(); }
    // The timed call.
    void run(size_t way);
    // After one run(): brings its output into the plain buffer.
    void finish(size_t way) { ways_[way].kernels[ways_[way].latest]->finish(); }

  private:
    struct Way {
        std::vector<std::unique_ptr<PeerKernel>> kernels;  // one a copy of the weights
        size_t turn = 0, latest = 0;
    };
    [[nodiscard]] size_t next(size_t way) const { return ways_[way].turn % ways_[way].kernels.size(); }

    std::unique_ptr<ColdCopies> weights_;
    std::vector<Way> ways_;
};

}  // namespace tilesmith
