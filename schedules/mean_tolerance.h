// How far a right mean may be from the reference's: for the operators that end with one.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "schedules/operator.h"

namespace tilesmith {

// Of at most `terms` numbers. Sums of n numbers of both signs up to 1 stay below 3 sqrt(n), five times their deviation;
// each of n additions rounds, and errors of both signs add up to less than 8 sqrt(n) of one (see worker/test_data.h).
// Twice that, and what dividing adds.
inline Tolerance mean_tolerance(int64_t terms) {
    constexpr double kRounding = 0x1p-24;
    const auto n = static_cast<double>(terms);
    return {.absolute = 2 * (std::min(n, 8 * std::sqrt(n)) * std::min(n, 3 * std::sqrt(n)) / n + 2) * kRounding};
}

}  // namespace tilesmith
