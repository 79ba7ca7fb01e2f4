// What trials say about schedules, made comparable: one score a schedule, although machines drift and a schedule may
// have several trials. Searches and sessions rank by it; the final re-rank alone decides (tuner/final.h).
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "core/trial.h"

namespace tilesmith {

struct Score {
    Schedule schedule;
    double cost_ns = 0;  // median over its trials of the median sample, corrected for the machine's drift
};

class Scores {
  public:
    // All trials must be of one key.
    void add(const Trial& trial);

    // The schedules that worked in every trial and were timed to the end at least once, cheapest first (equal costs by
    // hash).
    [[nodiscard]] std::vector<Score> ranking() const;

    // The cost of one trial: its median times (the first reference time seen / its own reference time), where both are
    // known; a correction beyond a factor of two is a mismeasured reference and is cut there. 0 for a failed trial.
    [[nodiscard]] double cost_ns(const Outcome& outcome) const;

  private:
    struct Entry {
        Schedule schedule;
        std::vector<double> costs_ns;
        bool broken = false;   // failed at least once
        bool censored = true;  // never timed to the end
    };
    std::unordered_map<uint64_t, Entry> entries_;
    double reference_ns_ = 0;
};

}  // namespace tilesmith
