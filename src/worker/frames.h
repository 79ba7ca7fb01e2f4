// The frames that a tuner and its children (worker, compiler) exchange over stdin and stdout: a JSON header and binary
// payloads. The bytes are described in docs/worker-protocol.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tilesmith {

// A child says it in its first frame; both sides must agree.
constexpr int kProtocolVersion = 1;
constexpr std::string_view kFrameMagic = "TSF1";

struct Frame {
    nlohmann::ordered_json header;      // an object; "type" says what the frame means
    std::vector<std::string> payloads;  // their lengths travel in the header, as "payload_bytes"

    [[nodiscard]] std::string type() const { return header.value("type", ""); }
};

std::string encode(const Frame& frame);

// Turns bytes, as they arrive, into frames.
class FrameReader {
  public:
    void append(const char* bytes, size_t count) { bytes_.append(bytes, count); }
    // The next complete frame. Throws run_failed on bytes that are no frame.
    std::optional<Frame> next();

  private:
    std::string bytes_;
    size_t read_ = 0;  // the beginning of bytes_ that is already used
};

}  // namespace tilesmith
