// Timing one of our kernels against the libraries: what a row of `bench` is made of.
#pragma once

#include <string>
#include <vector>

#include "cli/contest.h"
#include "core/conditions.h"
#include "core/target.h"
#include "peers/peer.h"
#include "tuning_db/database.h"

namespace tilesmith {

// The best way of computing the problem: a library's, or our own.
struct ContenderTime {
    std::string name;
    std::string layout;
    ContestResult result;
};

struct BenchRow {
    Problem problem;
    Conditions conditions;
    std::string tier;
    ContenderTime ours;
    std::vector<ContenderTime> peers;

    // The fastest of the libraries; null if none computes this problem.
    [[nodiscard]] const ContenderTime* best_peer() const;
    // What only reads the problem's inputs; null if nobody asked for it.
    [[nodiscard]] const ContenderTime* yardstick() const;
};

// Finds our best kernel (`database` may be null), and times it in turn with those of `rivals` that compute the problem,
// for about `budget_s` seconds. Throughput: copies of each at the same time. One thread, or rivals that run on our own
// pool: all in this process, sample by sample, and results are compared. Several threads: each library in a process of
// its own, in alternating blocks.
// Throws negative_answer if results differ.
BenchRow time_problem(const Problem& problem, const Conditions& conditions, const Target& target,
                      const Database* database, const std::vector<const Peer*>& rivals, double budget_s);

}  // namespace tilesmith
