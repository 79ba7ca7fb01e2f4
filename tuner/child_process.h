// A program of ours that runs beside us and exchanges frames with us over its stdin and stdout. Nothing here waits: the
// owner polls. The process does not outlive this object.
#pragma once

#include <poll.h>
#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "worker/frames.h"

namespace tilesmith {

class ChildProcess {
  public:
    // Starts `command` (path, arguments; the path is looked up in PATH if it has no slash). Throws run_failed.
    explicit ChildProcess(const std::vector<std::string>& command);
    ~ChildProcess();
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;

    // Appends what poll() should watch.
    void watch(std::vector<pollfd>& polled) const;

    // Writes what the pipe takes of a frame; pump() writes the rest as the child reads.
    void send(const Frame& frame);
    // Reads and writes whatever is possible at once.
    void pump();
    // The next complete frame that was read. Throws run_failed when the child wrote something that is no frame.
    std::optional<Frame> receive() { return reader_.next(); }

    // The child closed its stdout: it is gone, or as good as.
    [[nodiscard]] bool ended() const { return ended_; }
    void kill();
    // Kills it and reads no more.
    void give_up() {
        kill();
        ended_ = true;
    }

    // How it ended, after waiting for it (shortly, then killing it).
    struct End {
        int signal = 0;  // 0: it exited
        int exit_status = 0;
    };
    End reap();

    // The last few kilobytes it wrote to stderr.
    [[nodiscard]] const std::string& complaints() const { return complaints_; }

  private:
    void write_some();
    void read_some();
    void read_complaints();

    pid_t pid_ = -1;
    int input_ = -1;   // our end of its stdin
    int output_ = -1;  // of its stdout
    int errors_ = -1;  // of its stderr
    bool ended_ = false;
    std::optional<End> end_;
    std::string outgoing_;
    std::string complaints_;
    FrameReader reader_;
};

// "SIGSEGV", "SIGKILL", ... "signal 63".
std::string signal_text(int signal);

}  // namespace tilesmith
