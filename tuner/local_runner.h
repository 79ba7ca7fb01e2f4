// Measures on this machine: child processes compile, one worker checks and times. Whatever a candidate does hurts a
// child only. One thread, driven by poll() inside next() and rerank().
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/conditions.h"
#include "core/problem.h"
#include "core/target.h"
#include "tuner/child_server.h"
#include "tuner/runner.h"
#include "worker/messages.h"

namespace tilesmith {

struct LocalRunnerOptions {
    Problem problem;
    Target target;
    Conditions conditions;
    uint64_t seed = 1;  // of the data that kernels are checked on
    int jobs = 0;       // compiling processes; 0: as many as this process may use CPUs
    TimingProtocol timing;
    double compile_limit_s = 30;
    double run_limit_s = 10;  // for checking or timing one kernel, at least; slow problems get more
    // Commands that start the children; empty: our own programs.
    std::vector<std::string> compiler_command;
    std::vector<std::string> worker_command;
    std::function<void(const std::string&)> note;  // lines for the user ("waiting for another tuner"); may be empty
};

class LocalRunner : public Runner {
  public:
    // Starts the children. Throws run_failed.
    explicit LocalRunner(LocalRunnerOptions options);
    ~LocalRunner() override;

    void submit(const std::vector<Schedule>& schedules) override;
    std::optional<Measured> next(double timeout_s) override;
    [[nodiscard]] size_t in_flight() const override;
    void cancel() override;
    void set_best_ns(double best_ns) override { best_ns_ = best_ns; }
    std::vector<Contender> rerank(const std::vector<Schedule>& contenders, double budget_s) override;

  private:
    // A schedule on its way: compiled, then measured on `data` one after the other.
    struct Job {
        size_t number = 0;  // in the order of submission
        Schedule schedule;
        Checks checks = Checks::none;
        std::vector<DataId> data;
        bool timed = true;
        size_t measured = 0;  // how many of `data` are done
        Outcome outcome;
        std::optional<KernelObject> kernel;
    };
    using JobPointer = std::unique_ptr<Job>;
    struct Compiler {
        std::unique_ptr<ChildServer> server;
        JobPointer job;
    };

    void enqueue(const Schedule& schedule, Checks checks, std::vector<DataId> data, bool timed);
    void feed();
    void feed_compilers();
    void feed_worker();
    void feed_in_turn();
    [[nodiscard]] bool compiling() const;
    void wait_for_children(double timeout_s);
    // One round: hands out work, waits for at most `timeout_s`, takes in answers.
    void turn(double timeout_s);
    void take_compiled(Compiler& compiler, ChildServer::Answer answer);
    void take_measured(ChildServer::Answer answer);
    void finish(JobPointer job, const Outcome& failure);
    void on_worker_frame(const Frame& frame);
    [[nodiscard]] double run_limit_s() const;
    void compare(std::vector<Contender>& contenders, std::vector<JobPointer>& jobs, double budget_s);
    ChildServer::Answer ask_worker(const Frame& request, double limit_s);
    [[nodiscard]] DataId data(uint64_t offset, Values values) const;

    LocalRunnerOptions options_;
    double best_ns_ = 0;
    double reference_s_ = 0;    // what the naive loops took, once known
    double timing_s_ = 0;       // what the request under way may spend on timing beside checking
    std::string stage_;         // of the worker's request
    bool timing_turn_ = false;  // several threads: whether it is the worker's turn
    size_t submitted_ = 0;

    std::vector<Compiler> compilers_;
    std::unique_ptr<ChildServer> worker_;
    JobPointer measuring_;
    std::deque<JobPointer> to_compile_;
    std::deque<JobPointer> to_measure_;
    std::deque<JobPointer> finished_;
};

// A LocalRunner with its own programs and default limits. `jobs` as in LocalRunnerOptions.
std::unique_ptr<Runner> make_local_runner(const Problem& problem, const Target& target, const Conditions& conditions,
                                          uint64_t seed, int jobs);

}  // namespace tilesmith
