// A child process that answers one request at a time within a time limit. Whatever happens to the process becomes an
// answer; the next request starts a new one.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/outcome.h"
#include "tuner/child_process.h"

namespace tilesmith {

class ChildServer {
  public:
    // `recycle_after` requests a fresh process is taken. Frames on the way ("stage", "reference") go to `on_the_way`.
    ChildServer(std::vector<std::string> command, int recycle_after, std::function<void(const Frame&)> on_the_way);

    [[nodiscard]] bool busy() const { return busy_; }
    // Starts the process if need be, so that it is ready when it is wanted. Throws run_failed.
    void start();
    // Not while busy(). Throws run_failed when the program cannot be started.
    void ask(const Frame& request, double limit_s);
    // From now on: so much time for the request under way.
    void allow(double limit_s);

    struct Answer {
        Frame frame;                     // of type "error": the program refused the request
        std::optional<Outcome> failure;  // instead of a frame: the process died or was killed
        int contender = -1;              // which kernel of several did it, if known
    };
    // After poll(): the answer, if it is there. Throws run_failed when the program cannot be started at all.
    std::optional<Answer> step();

    void watch(std::vector<pollfd>& polled) const;
    // How long poll() may sleep on behalf of this one.
    [[nodiscard]] double seconds_left() const;

    // Sent first to every new process.
    std::vector<Frame>& preamble() { return preamble_; }

  private:
    std::optional<Frame> next_frame();
    bool is_reply(const Frame& frame);
    std::optional<Answer> handle_end();
    Answer failed(Outcome failure, int contender);

    std::vector<std::string> command_;
    int recycle_after_ = 0;
    std::function<void(const Frame&)> on_the_way_;
    std::vector<Frame> preamble_;
    std::unique_ptr<ChildProcess> process_;
    bool greeted_ = false;  // the process has said hello
    int served_ = 0;        // requests of this process
    int false_starts_ = 0;  // processes in a row that never said hello
    bool busy_ = false;
    Frame request_;
    double limit_s_ = 0;
    std::chrono::steady_clock::time_point deadline_;
    std::optional<Outcome> fault_;  // what the process reported before it died
    int fault_contender_ = -1;
};

}  // namespace tilesmith
