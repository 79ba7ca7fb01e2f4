// The child's end of the frames: stdin and stdout belong to it alone, and the process ends when its parent does.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "worker/frames.h"

namespace tilesmith {

class ChildChannel {
  public:
    // Moves stdout away (what anybody prints goes to stderr from now on), watches stdin for the parent's end (the
    // process then exits at once, whatever it is doing), ignores Ctrl-C and SIGTERM (which reach whole groups of
    // processes: the parent decides), makes no core dumps, and says hello: `hello` with the protocol's version added.
    explicit ChildChannel(nlohmann::ordered_json hello);
    ChildChannel(const ChildChannel&) = delete;
    ChildChannel& operator=(const ChildChannel&) = delete;

    // Null at the end of stdin. Throws run_failed on bytes that are no frame.
    std::optional<Frame> read();
    void write(const Frame& frame);
    // A line for the parent about what goes on: {"type": "stage", "stage": NAME, ...}.
    void write_stage(const std::string& stage, nlohmann::ordered_json details = nlohmann::ordered_json::object());

    [[nodiscard]] int output_fd() const { return output_; }

  private:
    int output_ = -1;
    FrameReader reader_;
};

// No more private memory than `more_bytes` beyond what the process has now; at most three quarters of the machine's.
void limit_memory(size_t more_bytes);

}  // namespace tilesmith
