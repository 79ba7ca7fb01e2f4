// The libraries that our kernels are compared with. Each is opened at run time, so a machine without them runs all the
// same; one adapter a library, one line of the table in peers.cpp.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/problem.h"

namespace tilesmith {

// One problem made ready in one library: primitives created, constant weights packed, buffers bound.
class PeerKernel {
  public:
    PeerKernel() = default;
    PeerKernel(const PeerKernel&) = delete;
    PeerKernel& operator=(const PeerKernel&) = delete;
    virtual ~PeerKernel() = default;

    // The timed call. With the layouts of `layout()`: the output may be in the library's own layout afterwards. Call it
    // from the thread that prepared it. Throws run_failed if the library reports an error.
    virtual void run() = 0;
    // Before a run() whose output is looked at: lays into the output what the run adds to, where it adds in place. Not
    // timed; further runs add to what the last one left.
    virtual void begin() {}
    // Brings the output of the last run() into the output buffer in its plain layout. Not timed.
    virtual void finish() {}
    // How inputs and output lie: "plain", or "blocked" where the library chose layouts of its own for the activations;
    // and what else is special about this way.
    [[nodiscard]] virtual std::string layout() const { return "plain"; }
};

struct Peer {
    std::string name;   // as in --against: "onednn"
    std::string title;  // "oneDNN"
    // What the dynamic loader must find on this machine, for messages.
    std::string library;
    // Environment of a process that times it on several threads: its pool reads these when the library is opened.
    std::vector<std::pair<std::string, std::string>> environment;
    bool by_default = true;  // whether `bench` compares with it without being asked
    bool computes = true;    // false: a yardstick, whose output means nothing
    bool our_pool = false;   // runs on our run time's threads: pools that spin do not disturb each other then
    bool (*available)();
    std::string (*version)();  // empty if it is not available
    bool (*supports)(const Problem&);
    // Everything that is not timed: thread count, primitives, weights=fixed weights in the layout the library likes
    // best. The buffers (in the order of Operator::arguments) must outlive the result. One kernel a way of doing it
    // that the library offers (plain layouts first); the fastest is the one that counts. Throws run_failed if the
    // library refuses.
    std::vector<std::unique_ptr<PeerKernel>> (*prepare)(const Problem&, int threads,
                                                        std::span<const float* const> inputs, float* output);
};

// In the order of reports.
const std::vector<Peer>& peers();
// Throws bad_input listing the peers.
const Peer& peer_named(const std::string& name);

}  // namespace tilesmith
