// What a time depends on beside the problem. Part of the key of every trial and selection.
#pragma once

#include <string>

namespace tilesmith {

enum class Objective { latency, throughput };
enum class CacheState { warm, cold_weights };

struct Conditions {
    int threads = 1;
    Objective objective = Objective::latency;
    CacheState cache = CacheState::warm;

    // Canonical: `threads=2`, then what differs from its default (` objective=throughput`, ` cache=cold_weights`).
    [[nodiscard]] std::string text() const;
    // The inverse of text(). Throws bad_input.
    static Conditions parse(const std::string& text);

    friend bool operator==(const Conditions&, const Conditions&) = default;
};

}  // namespace tilesmith
