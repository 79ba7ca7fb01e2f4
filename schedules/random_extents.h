// Numbers for random problems: what the operators' Operator::random draw from.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "core/rng.h"

namespace tilesmith {

// Small extents, with the awkward ones (1, primes, just above and below a vector or a tile) as likely as the others.
inline int64_t random_extent(Rng& rng, int64_t most) {
    static const std::vector<int64_t> kAwkward{1,  2,  3,  5,  7,  8,  9,  13, 15, 16, 17,
                                               23, 31, 32, 33, 47, 49, 63, 64, 65, 97};
    const int64_t extent =
        rng.below(2) == 0 ? rng.pick(kAwkward) : 1 + static_cast<int64_t>(rng.below(static_cast<uint64_t>(most)));
    return std::min(extent, most);
}

// In [0, bound).
inline int64_t random_below(Rng& rng, uint64_t bound) { return static_cast<int64_t>(rng.below(bound)); }

// " n=2 h=7". A braced list draws its numbers in the order they are written in; the order of a function's arguments is
// the compiler's choice, and one seed would stand for different problems.
inline std::string pairs_text(std::initializer_list<std::pair<std::string, int64_t>> pairs) {
    std::string text;
    for (const auto& [name, value] : pairs) text += fmt::format(" {}={}", name, value);
    return text;
}

}  // namespace tilesmith
