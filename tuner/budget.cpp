#include "tuner/budget.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>

namespace tilesmith {

double budget_share(double weight, double flops) { return std::sqrt(std::max(1.0, weight) * std::max(1.0, flops)); }

Budget part_of_budget(const Budget& left, const std::vector<double>& shares) {
    assert(!shares.empty());
    const double part = shares.front() / std::accumulate(shares.begin(), shares.end(), 0.0);
    Budget result;
    if (left.trials) {
        // What the others need at least is kept for them.
        const size_t others = shares.size() - 1;
        const size_t most = *left.trials > others ? *left.trials - others : 1;
        const auto wanted = static_cast<size_t>(std::llround(static_cast<double>(*left.trials) * part));
        result.trials = std::clamp<size_t>(wanted, 1, most);
    }
    // Even with no time left there is a moment for the default schedule.
    if (left.seconds) result.seconds = std::max(0.5, *left.seconds * part);
    return result;
}

Budget budget_after(const Budget& left, size_t trials, double seconds) {
    Budget result;
    if (left.trials) result.trials = *left.trials - std::min(*left.trials, trials);
    if (left.seconds) result.seconds = std::max(0.0, *left.seconds - seconds);
    return result;
}

bool worth_spending(const Budget& left) {
    if (!left.trials && !left.seconds) return false;
    return left.trials.value_or(1) > 0 && left.seconds.value_or(kLeastSecondRound_s) >= kLeastSecondRound_s;
}

}  // namespace tilesmith
