#include "tuner/local_runner.h"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/child.h"
#include "core/error.h"
#include "tuner/final.h"

namespace tilesmith {

namespace {

using Clock = std::chrono::steady_clock;

// Children are recycled, in case something in them grows.
constexpr int kCompilerRequests = 300;
constexpr int kWorkerRequests = 2000;
// Compiled kernels that may wait for the worker; with several threads, how many are compiled before they are timed
// together.
constexpr size_t kMostWaiting = 16;
constexpr size_t kBatch = 8;
// What loading, making data and the like may take.
constexpr double kPreparationLimitS = 120;
constexpr size_t kFinalists = 4;  // contenders that take part in a final to its end

int usable_cpus() {
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

std::vector<std::string> command_or_own(const std::vector<std::string>& command, const char* program) {
    return command.empty() ? std::vector<std::string>{own_program(program)} : command;
}

// Which of `count` contenders, the most promising first, is left out for a failure of the comparison: the one that did
// it, else the one that would be missed least.
size_t guilty_of(const ChildServer::Answer& answer, size_t count) {
    const bool known = answer.contender >= 0 && static_cast<size_t>(answer.contender) < count;
    return known ? static_cast<size_t>(answer.contender) : count - 1;
}

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

}  // namespace

LocalRunner::LocalRunner(LocalRunnerOptions options) : options_(std::move(options)) {
    const int jobs = options_.jobs > 0 ? options_.jobs : usable_cpus();
    const auto compiler = command_or_own(options_.compiler_command, "tilesmith-compiler");
    for (int i = 0; i < jobs; ++i)
        compilers_.push_back(
            {std::make_unique<ChildServer>(compiler, kCompilerRequests, [](const Frame&) {}), nullptr});
    worker_ = std::make_unique<ChildServer>(command_or_own(options_.worker_command, "tilesmith-worker"),
                                            kWorkerRequests, [this](const Frame& frame) { on_worker_frame(frame); });
    for (Compiler& child : compilers_) child.server->start();
    worker_->start();
}

LocalRunner::~LocalRunner() = default;

DataId LocalRunner::data(uint64_t offset, Values values) const {
    return {options_.problem.text(), options_.seed + offset, values};
}

void LocalRunner::enqueue(const Schedule& schedule, Checks checks, std::vector<DataId> data, bool timed) {
    auto job = std::make_unique<Job>();
    job->number = submitted_++;
    job->schedule = schedule;
    job->checks = checks;
    job->data = std::move(data);
    job->timed = timed;
    to_compile_.push_back(std::move(job));
}

void LocalRunner::submit(const std::vector<Schedule>& schedules) {
    for (const Schedule& schedule : schedules)
        enqueue(schedule, Checks::none, {data(0, first_values(options_.problem))}, true);
    feed();
}

size_t LocalRunner::in_flight() const {
    const auto compiling =
        std::count_if(compilers_.begin(), compilers_.end(), [](const Compiler& child) { return child.job != nullptr; });
    return to_compile_.size() + to_measure_.size() + finished_.size() + static_cast<size_t>(compiling) +
           (measuring_ ? 1 : 0);
}

void LocalRunner::cancel() {
    to_compile_.clear();
    to_measure_.clear();
}

std::optional<Measured> LocalRunner::next(double timeout_s) {
    const Clock::time_point start = Clock::now();
    while (finished_.empty() && in_flight() > 0) {
        const double left = timeout_s - seconds_since(start);
        turn(std::max(0.0, left));
        if (left <= 0) break;
    }
    if (finished_.empty()) return std::nullopt;
    const JobPointer job = std::move(finished_.front());
    finished_.pop_front();
    feed();
    return Measured{job->schedule, job->outcome};
}

void LocalRunner::turn(double timeout_s) {
    feed();
    wait_for_children(timeout_s);
    for (Compiler& child : compilers_)
        if (auto answer = child.server->step(); answer && child.job) take_compiled(child, std::move(*answer));
    if (auto answer = worker_->step(); answer && measuring_) take_measured(std::move(*answer));
    feed();
}

void LocalRunner::wait_for_children(double timeout_s) {
    std::vector<pollfd> polled;
    double wait_s = std::min(timeout_s, worker_->seconds_left());
    worker_->watch(polled);
    for (const Compiler& child : compilers_) {
        child.server->watch(polled);
        wait_s = std::min(wait_s, child.server->seconds_left());
    }
    constexpr double kMostS = 1000;
    poll(polled.data(), polled.size(), static_cast<int>(std::min(wait_s, kMostS) * 1000) + (wait_s > 0 ? 1 : 0));
}

void LocalRunner::feed() {
    if (options_.conditions.cores() > 1) {
        feed_in_turn();
    } else {
        if (to_measure_.size() < kMostWaiting) feed_compilers();
        feed_worker();
    }
}

bool LocalRunner::compiling() const {
    return std::any_of(compilers_.begin(), compilers_.end(),
                       [](const Compiler& child) { return child.job != nullptr; });
}

// Several threads are never timed while others compile: a batch is compiled, then timed.
void LocalRunner::feed_in_turn() {
    if (!timing_turn_) {
        if (to_measure_.size() < kBatch) feed_compilers();
        timing_turn_ = !compiling() && !to_measure_.empty();
    }
    if (timing_turn_) {
        feed_worker();
        timing_turn_ = measuring_ != nullptr;
    }
}

void LocalRunner::feed_compilers() {
    for (Compiler& child : compilers_) {
        if (child.job || to_compile_.empty()) continue;
        child.job = std::move(to_compile_.front());
        to_compile_.pop_front();
        child.server->ask(
            to_frame(CompileRequest{options_.problem.text(), child.job->schedule.to_json(), options_.target.to_json(),
                                    options_.conditions.text(), child.job->checks, "kernel"}),
            options_.compile_limit_s);
    }
}

void LocalRunner::feed_worker() {
    if (measuring_ || to_measure_.empty()) return;
    measuring_ = std::move(to_measure_.front());
    to_measure_.pop_front();
    MeasureRequest request{measuring_->data.at(measuring_->measured), options_.conditions.text(), *measuring_->kernel,
                           measuring_->timed, options_.timing};
    constexpr double kHopeless = 2;
    request.timing.stop_above_ns = kHopeless * best_ns_;
    timing_s_ = 5 * options_.timing.budget_ns * 1e-9;
    stage_ = "preparing";
    worker_->ask(to_frame(request), kPreparationLimitS);
}

// A kernel that runs far longer than anything known about the problem suggests is stopped.
double LocalRunner::run_limit_s() const {
    constexpr double kCalls = 8;          // checking and warming up
    constexpr double kTimesTheBest = 20;  // slower kernels teach nothing
    const double expected_s = best_ns_ > 0 ? kTimesTheBest * best_ns_ * 1e-9 : 2 * reference_s_;
    return std::max(options_.run_limit_s, std::min(kCalls * expected_s, kLongestStageS)) + timing_s_;
}

void LocalRunner::on_worker_frame(const Frame& frame) {
    if (frame.type() == "reference") {
        reference_s_ = frame.header.value("seconds", 0.0);
        constexpr size_t kKeep = 4;
        std::vector<Frame>& preamble = worker_->preamble();
        if (preamble.size() == kKeep) preamble.erase(preamble.begin());
        preamble.push_back(frame);
        worker_->allow(kPreparationLimitS);
        return;
    }
    stage_ = frame.header.value("stage", "");
    if (stage_ == "waiting" && options_.note) options_.note("waiting: another tuner is timing on this machine");
    const bool unlimited = stage_ == "waiting" || stage_ == "reference";
    worker_->allow(unlimited ? kLongestStageS : run_limit_s());
}

void LocalRunner::finish(JobPointer job, const Outcome& failure) {
    const double compile_ms = job->outcome.compile_ms;
    job->outcome = failure;
    if (job->outcome.compile_ms == 0) job->outcome.compile_ms = compile_ms;
    finished_.push_back(std::move(job));
}

void LocalRunner::take_compiled(Compiler& child, ChildServer::Answer answer) {
    JobPointer job = std::move(child.job);
    if (answer.failure) {
        answer.failure->reason = "compiling: " + answer.failure->reason;
        return finish(std::move(job), *answer.failure);
    }
    if (answer.frame.type() == "error")
        return finish(std::move(job),
                      Outcome::failed(Status::compile_failed, answer.frame.header.value("message", "")));
    CompileResult result = compile_result(std::move(answer.frame));
    job->outcome = result.outcome;
    if (!result.outcome.ok() || !result.kernel) return finish(std::move(job), result.outcome);
    job->kernel = std::move(result.kernel);
    to_measure_.push_back(std::move(job));
}

void LocalRunner::take_measured(ChildServer::Answer answer) {
    JobPointer job = std::move(measuring_);
    if (!answer.failure && answer.frame.type() == "error")
        throw run_failed(fmt::format("the worker cannot measure: {}", answer.frame.header.value("message", "")));
    if (answer.failure && (stage_ == "preparing" || stage_ == "reference"))
        throw run_failed(
            fmt::format("the worker cannot prepare {}: {}", options_.problem.text(), answer.failure->reason));
    const Outcome outcome = answer.failure ? *answer.failure : outcome_from(answer.frame.header.at("outcome"));
    const bool more = outcome.ok() && ++job->measured < job->data.size();
    if (more) {
        to_measure_.push_back(std::move(job));
    } else {
        finish(std::move(job), outcome);
    }
}

std::vector<Contender> LocalRunner::rerank(const std::vector<Schedule>& contenders, double budget_s) {
    if (in_flight() > 0) throw run_failed("a re-rank began while schedules were in flight");
    const std::vector<DataId> fresh{data(1, Values::reals), data(2, first_values(options_.problem))};
    const size_t first = submitted_;
    for (const Schedule& schedule : contenders) enqueue(schedule, Checks::assertions, fresh, false);
    std::vector<JobPointer> jobs(contenders.size());
    for (size_t done = 0; done < contenders.size();) {
        turn(1);
        for (; !finished_.empty(); finished_.pop_front(), ++done)
            jobs[finished_.front()->number - first] = std::move(finished_.front());
    }
    std::vector<Contender> result;
    result.reserve(jobs.size());
    for (const JobPointer& job : jobs) result.push_back({job->schedule, job->outcome});
    compare(result, jobs, budget_s);
    return result;
}

// A contender that fails while it is timed is left out of the next attempt.
void LocalRunner::compare(std::vector<Contender>& contenders, std::vector<JobPointer>& jobs, double budget_s) {
    for (;;) {
        CompareRequest request{data(2, first_values(options_.problem)), options_.conditions.text(), {}};
        std::vector<size_t> which;
        for (size_t i = 0; i < jobs.size(); ++i) {
            if (!contenders[i].outcome.ok()) continue;
            request.kernels.push_back(*jobs[i]->kernel);
            if (i < kDefaults) ++request.defaults;
            which.push_back(i);
        }
        if (which.empty()) return;
        request.budget_ns = budget_s * 1e9;
        request.finalists = kFinalists;
        timing_s_ = 0;  // of an earlier request: run_limit_s() counts it
        timing_s_ = 4 * budget_s + run_limit_s() * static_cast<double>(which.size() * (request.min_rounds + 1));
        const ChildServer::Answer answer = ask_worker(to_frame(request), kPreparationLimitS);
        if (answer.failure) {
            contenders[which[guilty_of(answer, which.size())]].outcome = *answer.failure;
            continue;
        }
        if (answer.frame.type() == "error")
            throw run_failed(fmt::format("the worker cannot compare: {}", answer.frame.header.value("message", "")));
        for (size_t k = 0; k < which.size(); ++k) {
            Outcome outcome = outcome_from(answer.frame.header.at("outcomes").at(k));
            outcome.compile_ms = contenders[which[k]].outcome.compile_ms;
            contenders[which[k]].outcome = std::move(outcome);
        }
        return;
    }
}

// Nothing else is under way.
ChildServer::Answer LocalRunner::ask_worker(const Frame& request, double limit_s) {
    stage_ = "preparing";
    worker_->ask(request, limit_s);
    for (;;) {
        wait_for_children(limit_s);
        if (auto answer = worker_->step()) return std::move(*answer);
    }
}

std::unique_ptr<Runner> make_local_runner(const Problem& problem, const Target& target, const Conditions& conditions,
                                          uint64_t seed, int jobs) {
    LocalRunnerOptions options;
    options.problem = problem;
    options.target = target;
    options.conditions = conditions;
    options.seed = seed;
    options.jobs = jobs;
    return std::make_unique<LocalRunner>(std::move(options));
}

}  // namespace tilesmith
