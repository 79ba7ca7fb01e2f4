// Answers from recorded trials instead of measuring, so that searches are compared and tested without a machine.
// Recordings are JSON lines and hold the features too: a replay needs neither Halide nor the device.
#pragma once

#include <cstdint>
#include <deque>
#include <iosfwd>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/trial.h"
#include "tuner/runner.h"
#include "tuner/search.h"

namespace tilesmith {

struct Recorded {
    TrialKey key;
    Schedule schedule;
    std::string origin;           // Trial::origin: "default" for the default schedule
    std::vector<float> features;  // of the schedule under the key
    Status status = Status::ok;
    double median_ns = 0;  // 0 for a failure
};

// One line each: {"problem": TEXT, "conditions": TEXT, "device": TEXT, "toolchain": TEXT, "schedule": {...}, "origin":
// TEXT, "features": [...], "status": "ok", "median_ns": X}.
void write_record(std::ostream& out, const Recorded& recorded);
// Throws bad_input naming `name` and the line.
std::vector<Recorded> read_records(std::istream& in, const std::string& name);

// The records of each key, in order of first appearance.
std::vector<std::vector<Recorded>> records_by_key(const std::vector<Recorded>& records);

Trial trial_of(const Recorded& recorded);
// The inverse: its median, with `features` of its schedule under its key. A censored trial keeps what was timed of it.
Recorded recorded_of(const Trial& trial, std::vector<float> features);

// What a search knows of the replayed problem: its pool is exactly the schedules of `records` (all of one key, at least
// one), its default the first one of origin "default", else the first one.
SearchContext replay_context(const std::vector<Recorded>& records, uint64_t seed);

class ReplayRunner : public Runner {
  public:
    // All of one key. Of several records of one schedule the first counts.
    explicit ReplayRunner(const std::vector<Recorded>& records);

    void submit(const std::vector<Schedule>& schedules) override;
    std::optional<Measured> next(double timeout_s) override;
    [[nodiscard]] size_t in_flight() const override { return queue_.size(); }
    void cancel() override { queue_.clear(); }
    void set_best_ns(double) override {}
    std::vector<Contender> rerank(const std::vector<Schedule>& contenders, double budget_s) override;

  private:
    [[nodiscard]] Outcome outcome_of(const Schedule& schedule) const;

    std::unordered_map<uint64_t, Outcome> outcomes_;  // by schedule
    std::deque<Schedule> queue_;
};

}  // namespace tilesmith
