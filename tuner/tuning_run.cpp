#include "tuner/tuning_run.h"

#include <algorithm>

#include "tuner/budget.h"
#include "tuner/seeds.h"

namespace tilesmith {

namespace {

constexpr size_t kMostOthers = 1500;  // trials of other problems that a search is given

std::vector<RunProblem> without_repeats(const std::vector<RunProblem>& problems) {
    std::vector<RunProblem> result;
    for (const RunProblem& problem : problems) {
        const auto known = std::find_if(result.begin(), result.end(),
                                        [&](const RunProblem& other) { return other.problem == problem.problem; });
        if (known == result.end()) {
            result.push_back(problem);
        } else {
            known->weight += problem.weight;
        }
    }
    return result;
}

class Run {
  public:
    Run(const RunRequest& request, const RunTools& tools, Database& database, const RunEvents& events)
        : request_(request),
          tools_(tools),
          database_(database),
          events_(events),
          problems_(without_repeats(request.problems)),
          left_(request.budget) {}

    RunResult run() {
        result_.session = database_.begin_session(request_.info, request_.device, request_.toolchain);
        TrialQuery query;
        query.device = request_.device.fingerprint;
        known_ = database_.trials(query);
        for (Trial& trial : known_) thin(trial);

        std::vector<size_t> all(problems_.size());
        for (size_t i = 0; i < all.size(); ++i) all[i] = i;
        round(all);
        if (!interrupted() && worth_spending(left_)) round(wanting());
        end();
        return std::move(result_);
    }

  private:
    // Only medians are looked at again: a database may hold many samples.
    static void thin(Trial& trial) {
        if (trial.outcome.samples_ns.size() > 1) trial.outcome.samples_ns = {median(trial.outcome.samples_ns)};
    }

    [[nodiscard]] bool interrupted() const {
        return request_.interruptions != nullptr && request_.interruptions->load() > 0;
    }

    // The problems that stopped for want of budget.
    [[nodiscard]] std::vector<size_t> wanting() const {
        std::vector<size_t> result;
        for (size_t i = 0; i < result_.problems.size(); ++i) {
            const StopReason stop = result_.problems[i].session.stop;
            if (stop == StopReason::trials || stop == StopReason::time) result.push_back(i);
        }
        return result;
    }

    void round(const std::vector<size_t>& which) {
        std::vector<double> shares;
        shares.reserve(which.size());
        for (const size_t i : which) shares.push_back(budget_share(problems_[i].weight, problems_[i].flops));
        for (const size_t i : which) {
            if (interrupted()) return;
            const Budget part = part_of_budget(left_, shares);
            shares.erase(shares.begin());
            if (events_.begun) events_.begun(problems_[i].problem, i, problems_.size(), part);
            SessionResult session = tune(problems_[i].problem, part);
            left_ = budget_after(left_, session.progress.trials, session.progress.elapsed_s);
            add(i, std::move(session));
        }
    }

    SessionResult tune(const Problem& problem, const Budget& budget) {
        SessionRequest session;
        SearchContext& context = session.context;
        context.key = {problem.text(), request_.conditions, request_.device.fingerprint, request_.toolchain.text};
        context.spaces = tools_.spaces(problem);
        context.default_schedule = tools_.default_schedule(problem);
        context.history = relevant_history(known_, context.key, kMostOthers);
        context.features = tools_.features;
        context.seed = request_.info.seed;
        session.search = request_.info.search;
        session.budget = budget;
        session.session = result_.session;
        session.in_flight = request_.in_flight;
        session.interruptions = request_.interruptions;
        const auto present = database_.selection(context.key);
        if (present) session.incumbent = present->schedule;

        SessionEvents events;
        events.record = [this](const Trial& trial) {
            const int64_t id = database_.append(trial);
            known_.push_back(trial);
            known_.back().id = id;
            thin(known_.back());
            return id;
        };
        if (events_.progress)
            events.progress = [&](const SessionProgress& progress, const Trial* latest) {
                events_.progress(problem, progress, latest);
            };
        const auto runner = tools_.runner(problem);
        const Schedule default_schedule = context.default_schedule;
        SessionResult result = run_session(std::move(session), *runner, events);
        keep_selection(result, present, default_schedule);
        return result;
    }

    // The short final of an interrupted session is no ground for taking a selection back.
    void keep_selection(const SessionResult& result, const std::optional<Selection>& present,
                        const Schedule& default_schedule) {
        if (!result.selection) return;
        const bool takes_back = present && result.selection->schedule == default_schedule;
        if (result.stop == StopReason::interrupted && takes_back) return;
        database_.write(*result.selection);
    }

    void add(size_t i, SessionResult session) {
        if (i >= result_.problems.size()) {
            result_.problems.push_back({problems_[i].problem, std::move(session)});
        } else {
            SessionResult& earlier = result_.problems[i].session;
            session.progress.trials += earlier.progress.trials;
            session.progress.elapsed_s += earlier.progress.elapsed_s;
            for (const auto& [status, count] : earlier.progress.failed) session.progress.failed[status] += count;
            if (!session.selection) session.selection = std::move(earlier.selection);
            earlier = std::move(session);
        }
        const ProblemResult& result = result_.problems[i];
        result_.stop = result.session.stop;
        if (events_.done) events_.done(result.problem, result.session);
    }

    void end() {
        if (interrupted()) result_.stop = StopReason::interrupted;
        nlohmann::ordered_json facts;
        facts["problems"] = nlohmann::ordered_json::array();
        for (const ProblemResult& result : result_.problems) facts["problems"].push_back(to_json(result));
        database_.end_session(result_.session, std::string(stop_reason_name(result_.stop)), facts);
    }

    const RunRequest& request_;
    const RunTools& tools_;
    Database& database_;
    const RunEvents& events_;
    std::vector<RunProblem> problems_;
    Budget left_;
    std::vector<Trial> known_;  // of this device: the database's and this run's
    RunResult result_;
};

}  // namespace

RunResult tune_all(const RunRequest& request, const RunTools& tools, Database& database, const RunEvents& events) {
    return Run(request, tools, database, events).run();
}

nlohmann::ordered_json to_json(const ProblemResult& result) {
    const SessionProgress& progress = result.session.progress;
    nlohmann::ordered_json json;
    json["problem"] = result.problem.text();
    json["trials"] = progress.trials;
    json["failed"] = nlohmann::ordered_json::object();
    for (const auto& [status, count] : progress.failed) json["failed"][std::string(status_name(status))] = count;
    json["seconds"] = progress.elapsed_s;
    json["default_ns"] = progress.default_ns;
    json["best_ns"] = progress.best_ns;
    json["schedule"] = progress.best_ns > 0 ? progress.best.to_json() : nlohmann::ordered_json();
    json["stop"] = stop_reason_name(result.session.stop);
    json["stop_text"] = result.session.stop_text;
    json["noise_floor"] = result.session.noise_floor;
    return json;
}

}  // namespace tilesmith
