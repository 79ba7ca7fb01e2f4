// Extents for random problems: what the operators' Operator::random draw from.
#pragma once

#include <algorithm>
#include <cstdint>
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

}  // namespace tilesmith
