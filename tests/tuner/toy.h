// A toy problem for the tests of searches and sessions: two templates, a formula instead of a machine, and a runner
// that answers from a function on a clock of its own.
#pragma once

#include <cmath>
#include <deque>
#include <functional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/hash.h"
#include "core/problem.h"
#include "tuner/runner.h"
#include "tuner/search.h"

namespace tilesmith::toy {

inline Value number(int64_t value) { return Value{value}; }

// 12 x (1..6 of them) x 2 x 6 schedules, the second domain depending on the first.
inline Space tiled_space() {
    const auto rows = [](const Schedule&) {
        std::vector<Value> domain;
        for (int64_t i = 1; i <= 12; ++i) domain.push_back(number(i));
        return domain;
    };
    const auto vectors = [](const Schedule& earlier) {
        std::vector<Value> domain;
        for (int64_t i = 1; i <= 6; ++i)
            if (i * earlier.number("mr") <= 30) domain.push_back(number(i));
        return domain;
    };
    const auto order = [](const Schedule&) { return std::vector<Value>{std::string("nm"), std::string("mn")}; };
    const auto depth = [](const Schedule&) {
        std::vector<Value> domain;
        for (int64_t i = 16; i <= 512; i *= 2) domain.push_back(number(i));
        return domain;
    };
    return Space({"tiled", 1}, {{"mr", rows}, {"nv", vectors}, {"order", order}, {"kc", depth}});
}

// 5 schedules.
inline Space thin_space() {
    const auto unroll = [](const Schedule&) {
        return std::vector<Value>{number(1), number(2), number(4), number(8), number(16)};
    };
    return Space({"thin", 1}, {{"unroll", unroll}});
}

inline Schedule tiled(int64_t mr, int64_t nv, const std::string& order, int64_t kc) {
    Schedule schedule(TemplateId{"tiled", 1});
    schedule.set("mr", number(mr)).set("nv", number(nv)).set("order", Value{order}).set("kc", number(kc));
    return schedule;
}

inline Schedule default_schedule() { return tiled(4, 2, "nm", 64); }

// Least, 1000 or a little more, near mr = 6, nv = 4, order "mn", and a depth that goes with `size`. A tenth of it
// depends on nothing that a model could know.
inline double cost_ns(const Schedule& schedule, double size = 512) {
    const double dither = 1 + 0.02 * static_cast<double>(schedule.hash() % 100) / 100;
    if (schedule.template_id().name == "thin")
        return (9000 + 100 * static_cast<double>(schedule.number("unroll"))) * dither;
    const auto mr = static_cast<double>(schedule.number("mr"));
    const auto nv = static_cast<double>(schedule.number("nv"));
    const auto kc = static_cast<double>(schedule.number("kc"));
    const double loads = (mr + nv) / (mr * nv);
    const double spills = std::max(0.0, mr * nv + nv + 1 - 29);
    const double cache = std::abs(std::log2(kc * size / (512.0 * 256.0)));
    const double order = schedule.choice("order") == "mn" ? 1 : 1.15;
    return 1000 * (0.6 + loads) * (1 + 0.05 * spills) * (1 + 0.1 * cache) * order * dither;
}

inline std::vector<float> features(const Schedule& schedule, double size = 512) {
    if (schedule.template_id().name == "thin") return {0, 0, 0, static_cast<float>(schedule.number("unroll")), 0, 0, 1};
    const auto mr = static_cast<float>(schedule.number("mr"));
    const auto nv = static_cast<float>(schedule.number("nv"));
    const auto kc = static_cast<float>(schedule.number("kc"));
    return {mr,
            nv,
            mr * nv,
            (mr + nv) / (mr * nv),
            kc * static_cast<float>(size),
            schedule.choice("order") == "mn" ? 1.0F : 0.0F,
            0};
}

inline TrialKey key(const std::string& problem = "toy n=512") { return {problem, {}, "device", "toolchain"}; }

inline Problem problem(int64_t n) {
    ProblemSpec spec;
    spec.op = "toy";
    PairSpec pair;
    pair.name = "n";
    pair.axes = {"n"};
    spec.extents = {pair};
    return parse_problem(spec, {"n=" + std::to_string(n)});
}

inline SearchContext context(uint64_t seed = 1) {
    SearchContext context;
    context.key = key();
    context.spaces = {tiled_space(), thin_space()};
    context.default_schedule = default_schedule();
    context.features = [](const TrialKey&, const Schedule& schedule) { return features(schedule); };
    context.seed = seed;
    return context;
}

inline Outcome timed(double ns) {
    Outcome outcome;
    for (int i = 0; i < 9; ++i) outcome.samples_ns.push_back(ns * (1 + 0.001 * (i % 3)));
    return outcome;
}

inline Trial trial(const Schedule& schedule, Outcome outcome, const TrialKey& of = key()) {
    Trial result;
    result.key = of;
    result.schedule = schedule;
    result.outcome = std::move(outcome);
    return result;
}

// A trial takes a tenth of a second of `now_s`, whatever it does.
class ScriptedRunner : public Runner {
  public:
    explicit ScriptedRunner(std::function<Outcome(const Schedule&)> answer) : answer_(std::move(answer)) {}

    void submit(const std::vector<Schedule>& schedules) override {
        queue_.insert(queue_.end(), schedules.begin(), schedules.end());
        submitted.insert(submitted.end(), schedules.begin(), schedules.end());
        most_in_flight = std::max(most_in_flight, queue_.size());
    }
    std::optional<Measured> next(double) override {
        if (queue_.empty()) return std::nullopt;
        now_s += 0.1;
        Measured measured{queue_.front(), answer_(queue_.front())};
        queue_.pop_front();
        if (after_each) after_each();
        return measured;
    }
    [[nodiscard]] size_t in_flight() const override { return queue_.size(); }
    void cancel() override { queue_.clear(); }
    void set_best_ns(double best_ns) override { best_ns_seen.push_back(best_ns); }
    std::vector<Contender> rerank(const std::vector<Schedule>& contenders, double budget_s) override {
        now_s += budget_s;
        reranked = contenders;
        std::vector<Contender> result;
        for (const Schedule& schedule : contenders)
            result.push_back({schedule, final_answer ? final_answer(schedule) : answer_(schedule)});
        return result;
    }

    double now_s = 100;
    std::vector<Schedule> submitted;
    std::vector<Schedule> reranked;
    std::vector<double> best_ns_seen;
    size_t most_in_flight = 0;
    std::function<void()> after_each;                      // may be null
    std::function<Outcome(const Schedule&)> final_answer;  // of the re-rank; null: as the trials

  private:
    std::function<Outcome(const Schedule&)> answer_;
    std::deque<Schedule> queue_;
};

}  // namespace tilesmith::toy
