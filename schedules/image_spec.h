// What the specifications of the operators that move a kernel or a window over images have in common.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/problem.h"

namespace tilesmith {

// A required extent of one axis.
inline PairSpec extent_pair(const std::string& name) { return {.name = name, .axes = {name}}; }

// Along h and w.
inline std::vector<PairSpec> stride_and_pad_pairs() {
    return {
        {.name = "stride", .axes = {"stride_h", "stride_w"}, .default_value = 1},
        {.name = "pad",
         .axes = {"pad_h", "pad_w"},
         .default_value = 0,
         .least = 0,
         .ends = {{"pad_h_end", "pad_h"}, {"pad_w_end", "pad_w"}}},
    };
}

// Templates may copy the input with zeros around it, and Halide's buffers hold less than 2^31 bytes. `elements` is a
// double because the product of four extents overflows 64 bits. Throws bad_input.
inline void check_padded_input(const Problem& problem, double elements, const std::string& remedy) {
    constexpr int64_t kMostElements = (int64_t{1} << 31) / 4 - 1;
    if (elements <= static_cast<double>(kMostElements)) return;
    throw bad_input(
        fmt::format("the padded input of '{}' has {:.0f} elements: 2^31 bytes or more", problem.text(), elements),
        remedy);
}

}  // namespace tilesmith
