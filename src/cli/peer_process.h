// A library timed in a process of its own: its threads spin after each call, which would slow ours down if they shared
// one. The process is our own program with the hidden subcommand `peer-times`; it ends when its input closes.
#pragma once

#include <sys/types.h>
#include <string>
#include <vector>

#include "core/conditions.h"
#include "peers/peer.h"

namespace tilesmith {

class PeerProcess {
  public:
    // Starts the process and waits until it is ready. Throws run_failed with the process's message if it cannot be.
    PeerProcess(const Peer& peer, const Problem& problem, const Conditions& conditions);
    ~PeerProcess();
    PeerProcess(const PeerProcess&) = delete;
    PeerProcess& operator=(const PeerProcess&) = delete;

    // The layout of each of the library's kernels.
    [[nodiscard]] const std::vector<std::string>& layouts() const { return layouts_; }
    // What each of them computed of ProblemBuffers with seed 1: ProblemBuffers::spread_of its output.
    [[nodiscard]] const std::vector<std::vector<float>>& spreads() const { return spreads_; }
    // Times `calls` calls of one of them after one that is not timed; nanoseconds a call.
    double sample(size_t kernel, int calls);

  private:
    [[nodiscard]] std::string read_line();
    void end();

    std::string name_;
    pid_t pid_ = -1;
    int to_child_ = -1;
    int from_child_ = -1;
    std::string unread_;
    std::vector<std::string> layouts_;
    std::vector<std::vector<float>> spreads_;
};

}  // namespace tilesmith
