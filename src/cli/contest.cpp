#include "cli/contest.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>

namespace tilesmith {

namespace {

using Clock = std::chrono::steady_clock;

// A sample lasts at least this long, so that reading the clock and a cold start do not show.
constexpr double kSampleNs = 300e3;
constexpr int kMostCalls = 2000;
constexpr int kMostRounds = 1000;

void settle(const TimedContender& contender) {
    if (contender.settle_ms > 0) std::this_thread::sleep_for(std::chrono::milliseconds(contender.settle_ms));
}

int calls_per_sample(const TimedContender& contender) {
    const double ns = std::min(contender.sample(1), contender.sample(1));
    settle(contender);
    return static_cast<int>(std::clamp(std::ceil(kSampleNs / ns), 1.0, static_cast<double>(kMostCalls)));
}

double turn(const TimedContender& contender, int calls) {
    std::vector<double> samples;
    samples.reserve(static_cast<size_t>(contender.samples_in_a_row));
    for (int i = 0; i < contender.samples_in_a_row; ++i) samples.push_back(contender.sample(calls));
    settle(contender);
    return median(std::move(samples));
}

}  // namespace

double time_calls(const std::function<void()>& run, int calls) {
    run();
    const Clock::time_point start = Clock::now();
    for (int i = 0; i < calls; ++i) run();
    return std::chrono::duration<double, std::nano>(Clock::now() - start).count() / calls;
}

std::vector<ContestResult> hold_contest(const std::vector<TimedContender>& contenders, double budget_s) {
    const Clock::time_point begin = Clock::now();
    std::vector<ContestResult> results;
    std::vector<int> calls;
    for (const TimedContender& contender : contenders) {
        results.push_back({contender.name, {}});
        calls.push_back(calls_per_sample(contender));
    }
    for (int round = 0; round < kMostRounds; ++round) {
        const bool time_is_up = std::chrono::duration<double>(Clock::now() - begin).count() > budget_s;
        if (time_is_up && round >= kLeastRounds) break;
        for (size_t i = 0; i < contenders.size(); ++i) {
            const size_t next = (i + static_cast<size_t>(round)) % contenders.size();
            results[next].samples_ns.push_back(turn(contenders[next], calls[next]));
        }
    }
    return results;
}

std::vector<double> speedups(const ContestResult& rival, const ContestResult& ours) {
    std::vector<double> ratios;
    const size_t rounds = std::min(rival.samples_ns.size(), ours.samples_ns.size());
    for (size_t i = 0; i < rounds; ++i) ratios.push_back(rival.samples_ns[i] / ours.samples_ns[i]);
    return ratios;
}

}  // namespace tilesmith
