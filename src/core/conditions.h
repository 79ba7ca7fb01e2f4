// What a time depends on beside the problem. Part of the key of every trial and selection.
#pragma once

#include <string>

namespace tilesmith {

enum class Objective { latency, throughput };
enum class CacheState { warm, cold_weights };

struct Conditions {
    int threads = 1;  // of a call
    Objective objective = Objective::latency;
    CacheState cache = CacheState::warm;
    int copies = 1;  // objective=throughput: calls on tensors of their own that run at the same time

    // How many cores are busy.
    [[nodiscard]] int cores() const { return threads * copies; }

    // Canonical: `threads=2`, then what differs from its default (` objective=throughput copies=2`,
    // ` cache=cold_weights`).
    [[nodiscard]] std::string text() const;
    // The inverse of text(). Throws bad_input.
    static Conditions parse(const std::string& text);

    friend bool operator==(const Conditions&, const Conditions&) = default;
};

}  // namespace tilesmith
