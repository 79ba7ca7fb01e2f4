#include "tuner/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <chrono>
#include <unordered_map>

#include "core/error.h"
#include "tuner/final.h"
#include "tuner/scores.h"

namespace tilesmith {

namespace {

constexpr size_t kMostTrials = 20'000;  // of a session without a budget, whatever still improves
constexpr double kImprovement = 0.01;   // less is not counted as progress
constexpr double kPoll_s = 0.2;         // how late an interruption may be noticed
constexpr double kDrain_s = 60;         // for what has begun to end
constexpr size_t kFinalAttempts = 3;    // finals held while every contender fails its check
// Without any outcome: the workers are lost. An outcome may take each of the runner's four stages to its end.
constexpr double kStall_s = 5 * kLongestStageS;

double steady_clock_s() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

class Session {
  public:
    Session(SessionRequest request, Runner& runner, const SessionEvents& events)
        : request_(std::move(request)),
          context_(request_.context),
          runner_(runner),
          events_(events),
          search_(search_named(request_.search).create(request_.context)) {
        if (request_.budget.trials == 0) throw bad_input("a budget of 0 trials");
        if (request_.budget.seconds && *request_.budget.seconds <= 0) throw bad_input("a budget of no time");
        if (!request_.clock_s) request_.clock_s = steady_clock_s;
    }

    SessionResult run() {
        begin_s_ = now();
        learn_from_history();
        result_.stop = screen();
        result_.stop_text = stop_text();
        if (interruptions() < 2 && drain() && interruptions() < 2) hold_final();
        update_clock();
        return std::move(result_);
    }

  private:
    [[nodiscard]] double now() const { return request_.clock_s(); }
    [[nodiscard]] int interruptions() const {
        return request_.interruptions == nullptr ? 0 : request_.interruptions->load();
    }
    [[nodiscard]] size_t trials() const { return result_.progress.trials; }

    // Of the budget's seconds, what the final takes: about a seventh, at most 15 s.
    [[nodiscard]] double reserve_s() const { return std::clamp(*request_.budget.seconds * 0.15, 0.1, 15.0); }

    void learn_from_history() {
        for (const Trial& trial : context_.history)
            if (trial.key == context_.key) scores_.add(trial);
        const auto ranking = scores_.ranking();
        if (ranking.empty()) return;
        best_cost_ns_ = improved_cost_ns_ = ranking.front().cost_ns;
        result_.progress.best_ns = best_cost_ns_;
        result_.progress.best = ranking.front().schedule;
        runner_.set_best_ns(best_cost_ns_);
    }

    StopReason screen() {
        double latest_s = now();
        for (;;) {
            if (const auto reason = reason_to_stop()) return *reason;
            fill();
            if (runner_.in_flight() == 0) return StopReason::exhausted;
            if (auto measured = runner_.next(poll_s())) {
                take(std::move(*measured));
                latest_s = now();
            } else if (now() - latest_s > kStall_s) {
                throw run_failed(
                    fmt::format("no outcome for {:.0f} s with {} candidates in flight: the workers are lost", kStall_s,
                                runner_.in_flight()),
                    "what was measured is saved; run the same command to go on");
            }
        }
    }

    [[nodiscard]] double poll_s() const {
        if (!request_.budget.seconds) return kPoll_s;
        return std::clamp(begin_s_ + *request_.budget.seconds - reserve_s() - now(), 0.001, kPoll_s);
    }

    [[nodiscard]] std::optional<StopReason> reason_to_stop() const {
        if (interruptions() > 0) return StopReason::interrupted;
        const Budget& budget = request_.budget;
        if (budget.trials && trials() >= *budget.trials) return StopReason::trials;
        if (budget.seconds && now() >= begin_s_ + *budget.seconds - reserve_s()) return StopReason::time;
        if (failures_in_a_row_ >= kMostFailuresInARow) return StopReason::exhausted;
        if (!budget.trials && !budget.seconds) {
            const size_t patience = std::max(kLeastPatience, trials() / 2);
            if (trials() >= kLeastTrials && trials() >= improved_at_ + patience) return StopReason::converged;
            if (trials() >= kMostTrials) return StopReason::converged;
        }
        return std::nullopt;
    }

    void fill() {
        size_t room = request_.in_flight - std::min(request_.in_flight, runner_.in_flight());
        if (request_.budget.trials) room = std::min(room, *request_.budget.trials - submitted_);
        if (room == 0) return;
        std::vector<Schedule> batch;
        const auto add = [&](Schedule schedule, std::string origin) {
            origins_[schedule.hash()] = std::move(origin);
            batch.push_back(std::move(schedule));
        };
        if (submitted_ == 0) add(context_.default_schedule, "default");
        if (room > batch.size())
            for (Proposal& proposal : search_->propose(room - batch.size()))
                add(std::move(proposal.schedule), std::move(proposal.origin));
        submitted_ += batch.size();
        if (!batch.empty()) runner_.submit(batch);
    }

    void take(Measured measured) {
        const auto origin = origins_.extract(measured.schedule.hash());
        Trial trial = record(std::move(measured.schedule), std::move(measured.outcome),
                             origin.empty() ? "" : std::move(origin.mapped()));
        ++result_.progress.trials;
        if (trial.outcome.ok()) {
            failures_in_a_row_ = 0;
            improve(trial);
        } else {
            ++failures_in_a_row_;
            ++result_.progress.failed[trial.outcome.status];
        }
        search_->observe({trial});
        report(&trial);
    }

    Trial record(Schedule schedule, Outcome outcome, std::string origin) {
        Trial trial{0, context_.key, std::move(schedule), std::move(outcome), request_.session, std::move(origin)};
        trial.id = events_.record(trial);
        scores_.add(trial);
        return trial;
    }

    void improve(const Trial& trial) {
        const double cost_ns = scores_.cost_ns(trial.outcome);
        if (cost_ns <= 0) return;
        const double median_ns = median(trial.outcome.samples_ns);
        if (trial.origin == "default") result_.progress.default_ns = median_ns;
        if (trial.outcome.censored) return;
        if (improved_cost_ns_ == 0 || cost_ns < improved_cost_ns_ * (1 - kImprovement)) {
            improved_cost_ns_ = cost_ns;
            improved_at_ = trials();
        }
        if (best_cost_ns_ == 0 || cost_ns < best_cost_ns_) {
            best_cost_ns_ = cost_ns;
            result_.progress.best_ns = median_ns;
            result_.progress.best = trial.schedule;
            runner_.set_best_ns(median_ns);
        }
    }

    void update_clock() {
        SessionProgress& progress = result_.progress;
        progress.elapsed_s = now() - begin_s_;
        progress.left_s.reset();
        const Budget& budget = request_.budget;
        if (budget.seconds) progress.left_s = std::max(0.0, *budget.seconds - progress.elapsed_s);
        if (budget.trials && trials() > 0) {
            const auto todo = static_cast<double>(*budget.trials - std::min(*budget.trials, trials()));
            const double estimate_s = todo * progress.elapsed_s / static_cast<double>(trials());
            progress.left_s = progress.left_s ? std::min(*progress.left_s, estimate_s) : estimate_s;
        }
    }

    void report(const Trial* latest) {
        if (!events_.progress) return;
        update_clock();
        events_.progress(result_.progress, latest);
    }

    // Whether nothing is in flight any more.
    bool drain() {
        runner_.cancel();
        const double end_s = now() + kDrain_s;
        while (runner_.in_flight() > 0 && now() < end_s && interruptions() < 2)
            if (auto measured = runner_.next(kPoll_s)) take(std::move(*measured));
        if (runner_.in_flight() == 0) return true;
        result_.stop_text += fmt::format("; {} candidates did not end, so no final was held", runner_.in_flight());
        return false;
    }

    [[nodiscard]] bool buildable(const Schedule& schedule) const {
        return !context_.pool.empty() || std::any_of(context_.spaces.begin(), context_.spaces.end(),
                                                     [&](const Space& space) { return space.contains(schedule); });
    }

    // Twice the default, then the cheapest few and the incumbent.
    [[nodiscard]] std::vector<Score> contenders() const {
        std::vector<Score> result(kDefaults, Score{context_.default_schedule, 0});
        const size_t most = interruptions() > 0 ? 2 : kContenders;
        size_t taken = 0;
        for (const Score& score : scores_.ranking()) {
            if (score.schedule == context_.default_schedule) {
                result[0].cost_ns = result[1].cost_ns = score.cost_ns;
            } else if ((taken < most || score.schedule == request_.incumbent) && buildable(score.schedule)) {
                result.push_back(score);
                ++taken;
            }
        }
        const auto is_incumbent = [&](const Score& score) { return score.schedule == request_.incumbent; };
        if (request_.incumbent && std::none_of(result.begin(), result.end(), is_incumbent) &&
            buildable(*request_.incumbent))
            result.push_back({*request_.incumbent, 0});
        return result;
    }

    [[nodiscard]] double final_s() const {
        if (interruptions() > 0) return 1;
        const double elapsed_s = now() - begin_s_;
        double seconds = std::clamp(elapsed_s * 0.15, 1.0, 10.0);
        // A part of what is left: the contenders are compiled and checked again, too.
        if (request_.budget.seconds)
            seconds = std::min(seconds, std::max(0.1, (*request_.budget.seconds - elapsed_s) * 0.5));
        return seconds;
    }

    void hold_final() {
        result_.progress.in_final = true;
        report(nullptr);
        for (size_t attempt = 0; attempt < kFinalAttempts; ++attempt) {
            std::vector<Schedule> schedules;
            std::vector<double> screening_ns;
            for (const Score& score : contenders()) {
                schedules.push_back(score.schedule);
                screening_ns.push_back(score.cost_ns);
            }
            const std::vector<Contender> timed = runner_.rerank(schedules, final_s());
            assert(timed.size() == schedules.size());
            bool any_worked = false;
            for (size_t i = 0; i < timed.size(); ++i) {
                record(timed[i].schedule, timed[i].outcome, "final");
                any_worked = any_worked || (i >= kDefaults && timed[i].outcome.ok());
                if (!timed[i].outcome.ok() && timed[i].schedule == request_.incumbent) request_.incumbent.reset();
            }
            const auto verdict = decide(timed, screening_ns);
            if (verdict) select(timed, *verdict);
            // Where every contender failed its check, those failures are recorded: the next best take part.
            if (any_worked || schedules.size() == kDefaults || interruptions() > 0) return;
        }
    }

    void select(const std::vector<Contender>& timed, const Verdict& verdict) {
        Selection selection = selection_of(timed, verdict);
        selection.key = context_.key;
        selection.session = request_.session;
        result_.noise_floor = verdict.noise_floor;
        result_.progress.best = selection.schedule;
        result_.progress.best_ns = selection.median_ns;
        result_.progress.default_ns = selection.default_ns;
        result_.selection = std::move(selection);
    }

    [[nodiscard]] std::string stop_text() const {
        switch (result_.stop) {
            case StopReason::trials:
                return fmt::format("all {} trials are done", trials());
            case StopReason::time:
                return "the time is over";
            case StopReason::interrupted:
                return "interrupted";
            case StopReason::converged:
                return fmt::format("no improvement of more than 1% in the last {} of {} trials",
                                   trials() - improved_at_, trials());
            case StopReason::exhausted:
                break;
        }
        std::string text = failures_in_a_row_ >= kMostFailuresInARow
                               ? fmt::format("the last {} candidates all failed", failures_in_a_row_)
                               : "every schedule was tried";
        for (const auto& [status, count] : result_.progress.failed)
            text +=
                fmt::format("{} {} {}", text.find(':') == std::string::npos ? ":" : ",", count, status_name(status));
        return text;
    }

    SessionRequest request_;
    const SearchContext& context_;
    Runner& runner_;
    const SessionEvents& events_;
    std::unique_ptr<Search> search_;
    Scores scores_;
    SessionResult result_;
    std::unordered_map<uint64_t, std::string> origins_;  // of what is in flight, by schedule
    double begin_s_ = 0;
    size_t submitted_ = 0;
    size_t failures_in_a_row_ = 0;
    double best_cost_ns_ = 0;
    double improved_cost_ns_ = 0;  // the best at the last real improvement
    size_t improved_at_ = 0;       // trials done then
};

}  // namespace

std::string_view stop_reason_name(StopReason reason) {
    switch (reason) {
        case StopReason::trials:
            return "trials";
        case StopReason::time:
            return "time";
        case StopReason::exhausted:
            return "exhausted";
        case StopReason::converged:
            return "converged";
        case StopReason::interrupted:
            return "interrupted";
    }
    return "unknown";
}

SessionResult run_session(SessionRequest request, Runner& runner, const SessionEvents& events) {
    return Session(std::move(request), runner, events).run();
}

}  // namespace tilesmith
