#include "worker/frames.h"

#include <fmt/format.h>

#include <numeric>

#include "core/error.h"

namespace tilesmith {

namespace {

constexpr size_t kLengthBytes = 4;
constexpr size_t kMostHeaderBytes = size_t{64} << 20U;
constexpr size_t kMostPayloadBytes = size_t{8} << 30U;

std::string little_endian(size_t value) {
    std::string bytes;
    for (size_t i = 0; i < kLengthBytes; ++i) bytes.push_back(static_cast<char>(value >> (8 * i) & 0xffU));
    return bytes;
}

size_t from_little_endian(std::string_view bytes) {
    size_t value = 0;
    for (size_t i = 0; i < kLengthBytes; ++i) value |= size_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
    return value;
}

nlohmann::ordered_json parse_header(std::string_view text) {
    auto header = nlohmann::ordered_json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (!header.is_object()) throw run_failed("a frame's header is no JSON object");
    return header;
}

std::vector<size_t> payload_sizes(const nlohmann::ordered_json& header) {
    std::vector<size_t> sizes;
    const auto found = header.find("payload_bytes");
    if (found == header.end()) return sizes;
    if (!found->is_array()) throw run_failed("a frame's payload_bytes is no array");
    for (const auto& size : *found) {
        if (!size.is_number_unsigned() || size.get<size_t>() > kMostPayloadBytes)
            throw run_failed("a frame's payload_bytes holds something that is no size");
        sizes.push_back(size.get<size_t>());
    }
    return sizes;
}

}  // namespace

std::string encode(const Frame& frame) {
    nlohmann::ordered_json header = frame.header;
    if (!frame.payloads.empty()) {
        header["payload_bytes"] = nlohmann::ordered_json::array();
        for (const std::string& payload : frame.payloads) header["payload_bytes"].push_back(payload.size());
    }
    // Reasons may quote anything, bytes that are no UTF-8 too.
    const std::string text = header.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    std::string bytes = std::string(kFrameMagic) + little_endian(text.size()) + text;
    for (const std::string& payload : frame.payloads) bytes += payload;
    return bytes;
}

std::optional<Frame> FrameReader::next() {
    const std::string_view bytes = std::string_view(bytes_).substr(read_);
    const size_t fixed = kFrameMagic.size() + kLengthBytes;
    if (bytes.size() < fixed) return std::nullopt;
    if (bytes.substr(0, kFrameMagic.size()) != kFrameMagic) throw run_failed("what arrived is no frame");
    const size_t header_bytes = from_little_endian(bytes.substr(kFrameMagic.size(), kLengthBytes));
    if (header_bytes > kMostHeaderBytes) throw run_failed(fmt::format("a frame's header has {} bytes", header_bytes));
    if (bytes.size() < fixed + header_bytes) return std::nullopt;

    Frame frame;
    frame.header = parse_header(bytes.substr(fixed, header_bytes));
    const std::vector<size_t> sizes = payload_sizes(frame.header);
    size_t at = fixed + header_bytes;
    if (bytes.size() < std::accumulate(sizes.begin(), sizes.end(), at)) return std::nullopt;
    for (const size_t size : sizes) {
        frame.payloads.emplace_back(bytes.substr(at, size));
        at += size;
    }
    frame.header.erase("payload_bytes");
    read_ += at;
    if (read_ == bytes_.size() || read_ > (size_t{1} << 20U)) {
        bytes_.erase(0, read_);
        read_ = 0;
    }
    return frame;
}

}  // namespace tilesmith
