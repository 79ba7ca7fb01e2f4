// How a tuning run shows itself: a progress line, JSON events, a table at the end.
#pragma once

#include <nlohmann/json.hpp>

#include "cli/progress.h"
#include "tuner/tuning_run.h"

namespace tilesmith {

class TuneDisplay {
  public:
    // `peak_gflops` is what the device can do with all the threads of the run.
    TuneDisplay(bool json, double peak_gflops) : json_(json), peak_gflops_(peak_gflops) {}

    void begin(const RunRequest& request);
    // What to hand to tune_all; refers to this object.
    RunEvents events();
    // A line for the user from the layers below.
    void note(const std::string& text);
    void end(const RunRequest& request, const RunResult& result);

  private:
    void problem_begun(const Problem& problem, size_t number, size_t count);
    void progressed(const Problem& problem, const SessionProgress& progress, const Trial* latest);
    void problem_done(const Problem& problem, const SessionResult& result);
    [[nodiscard]] std::string progress_text(const Problem& problem, const SessionProgress& progress) const;
    [[nodiscard]] std::string peak_share(const Problem& problem, double ns) const;
    void print_results(const RunRequest& request, const RunResult& result) const;

    bool json_;
    double peak_gflops_;
    std::string place_;  // "2/7"
    Progress line_;
};

}  // namespace tilesmith
