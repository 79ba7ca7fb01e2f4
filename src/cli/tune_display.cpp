#include "cli/tune_display.h"

#include <fmt/format.h>

#include <iostream>

#include "cli/print.h"
#include "core/hash.h"
#include "schedules/operator.h"

namespace tilesmith {

namespace {

// The times that count: those of the final re-rank where there was one, of the screening else.
struct Times {
    double default_ns = 0;
    double best_ns = 0;
};

Times times_of(const SessionResult& result) {
    if (result.selection) return {result.selection->default_ns, result.selection->median_ns};
    return {result.progress.default_ns, result.progress.best_ns};
}

std::string failures_text(const std::map<Status, size_t>& failed) {
    size_t total = 0;
    std::string kinds;
    for (const auto& [status, count] : failed) {
        total += count;
        kinds += fmt::format("{}{} {}", kinds.empty() ? "" : ", ", count, status_name(status));
    }
    return total == 0 ? "0 failed" : fmt::format("{} failed ({})", total, kinds);
}

nlohmann::ordered_json trial_json(const Problem& problem, const Trial& trial) {
    nlohmann::ordered_json json = {{"event", "trial"},       {"problem", problem.text()},
                                   {"id", trial.id},         {"schedule_id", hash_text(trial.schedule.hash())},
                                   {"origin", trial.origin}, {"status", status_name(trial.outcome.status)}};
    if (!trial.outcome.samples_ns.empty()) json["median_ns"] = median(trial.outcome.samples_ns);
    if (!trial.outcome.reason.empty()) json["reason"] = trial.outcome.reason;
    return json;
}

nlohmann::ordered_json result_json(const ProblemResult& result) {
    nlohmann::ordered_json json = to_json(result);
    const Times times = times_of(result.session);
    json["default_ns"] = times.default_ns;
    json["best_ns"] = times.best_ns;
    json["selected"] = result.session.selection.has_value();
    if (!result.session.selection) return json;
    const Selection& selection = *result.session.selection;
    json["low_ns"] = selection.interval_ns.low;
    json["high_ns"] = selection.interval_ns.high;
    json["schedule"] = selection.schedule.to_json();
    json["schedule_id"] = hash_text(selection.schedule.hash());
    return json;
}

}  // namespace

std::string TuneDisplay::peak_share(const Problem& problem, double ns) const {
    if (ns <= 0 || peak_gflops_ <= 0) return "-";
    return fmt::format("{:.0f}%", 100 * operator_of(problem).flops(problem) / ns / peak_gflops_);
}

std::string TuneDisplay::progress_text(const Problem& problem, const SessionProgress& progress) const {
    std::string text = fmt::format("[{}] {} done, {}", place_, progress.trials, failures_text(progress.failed));
    if (progress.best_ns > 0) {
        text += fmt::format(", best {}", time_text(progress.best_ns));
        if (progress.default_ns > 0) text += fmt::format(" = {:.2f} x default", progress.default_ns / progress.best_ns);
        text += fmt::format(", {} of peak", peak_share(problem, progress.best_ns));
    }
    if (progress.in_final) text += ", final re-rank";
    if (progress.left_s) text += ", " + duration_text(*progress.left_s) + " left";
    return text + ", " + problem.text();  // last: narrow terminals cut the line
}

void TuneDisplay::begin(const RunRequest& request) {
    if (json_) {
        print_json_line({{"event", "begin"},
                         {"device", request.device.fingerprint},
                         {"toolchain", request.toolchain.text},
                         {"target", request.target.name},
                         {"threads", request.conditions.cores()},
                         {"seed", request.info.seed},
                         {"search", request.info.search},
                         {"problems", request.problems.size()},
                         {"peak_gflops", peak_gflops_}});
        return;
    }
    line_.say(fmt::format("tuning {} problem{} for {} ({}), {} thread{}, peak {:.0f} GFLOP/s", request.problems.size(),
                          request.problems.size() == 1 ? "" : "s", request.device.description, request.target.name,
                          request.conditions.cores(), request.conditions.cores() == 1 ? "" : "s", peak_gflops_));
}

void TuneDisplay::problem_begun(const Problem& problem, size_t number, size_t count) {
    place_ = fmt::format("{}/{}", number + 1, count);
    if (json_) print_json_line({{"event", "problem"}, {"problem", problem.text()}, {"number", number}, {"of", count}});
}

void TuneDisplay::progressed(const Problem& problem, const SessionProgress& progress, const Trial* latest) {
    if (!json_) return line_.show(progress_text(problem, progress));
    if (latest != nullptr) {
        print_json_line(trial_json(problem, *latest));
    } else if (progress.in_final) {
        print_json_line({{"event", "final"}, {"problem", problem.text()}});
    }
}

void TuneDisplay::problem_done(const Problem& problem, const SessionResult& result) {
    if (json_)
        return print_json_line({{"event", "problem_done"}, {"problem", problem.text()}, {"stop", result.stop_text}});
    const Times times = times_of(result);
    std::string text = fmt::format("[{}] {}: {} trials, {}", place_, problem.text(), result.progress.trials,
                                   failures_text(result.progress.failed));
    if (times.best_ns > 0) {
        text += fmt::format("; best {}, {} of peak", time_text(times.best_ns), peak_share(problem, times.best_ns));
    }
    line_.say(text + "; stopped: " + result.stop_text);
}

RunEvents TuneDisplay::events() {
    RunEvents events;
    events.begun = [this](const Problem& problem, size_t number, size_t count, const Budget& /*budget*/) {
        problem_begun(problem, number, count);
    };
    events.progress = [this](const Problem& problem, const SessionProgress& progress, const Trial* latest) {
        progressed(problem, progress, latest);
    };
    events.done = [this](const Problem& problem, const SessionResult& result) { problem_done(problem, result); };
    return events;
}

void TuneDisplay::note(const std::string& text) {
    if (json_) return print_json_line({{"event", "note"}, {"text", text}});
    line_.say(text);
}

void TuneDisplay::print_results(const RunRequest& request, const RunResult& result) const {
    std::vector<std::vector<std::string>> rows = {
        {"problem", "trials", "default", "best", "GFLOP/s", "of peak", "against default"}};
    for (const ProblemResult& problem : result.problems) {
        const Times times = times_of(problem.session);
        const bool known = times.best_ns > 0;
        const double flops = operator_of(problem.problem).flops(problem.problem);
        rows.push_back({problem.problem.text(), std::to_string(problem.session.progress.trials),
                        times.default_ns > 0 ? time_text(times.default_ns) : "-",
                        known ? time_text(times.best_ns) : "-", known ? fixed_text(flops / times.best_ns, 1) : "-",
                        peak_share(problem.problem, times.best_ns),
                        known && times.default_ns > 0 ? fixed_text(times.default_ns / times.best_ns, 2) + " x" : "-"});
    }
    print_table(rows);
    if (result.problems.size() < request.problems.size()) {
        std::cout << fmt::format("{} problems were not begun\n", request.problems.size() - result.problems.size());
    }
}

void TuneDisplay::end(const RunRequest& request, const RunResult& result) {
    line_.clear();
    if (!json_) return print_results(request, result);
    nlohmann::ordered_json problems = nlohmann::ordered_json::array();
    for (const ProblemResult& problem : result.problems) problems.push_back(result_json(problem));
    print_json_line({{"event", "done"},
                     {"session", result.session},
                     {"stop", stop_reason_name(result.stop)},
                     {"problems", problems}});
}

}  // namespace tilesmith
