#include "tuner/tuning_run.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>

#include "tests/tuner/toy.h"
#include "tuner/budget.h"

using namespace tilesmith;

namespace {

// A new folder, gone at the end.
class Folder {
  public:
    Folder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "tilesmith-XXXXXX").string();
        REQUIRE(mkdtemp(pattern.data()) != nullptr);
        path_ = pattern;
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() { std::filesystem::remove_all(path_); }
    [[nodiscard]] std::string database() const { return (path_ / "tuning.db").string(); }

  private:
    std::filesystem::path path_;
};

RunTools tools() {
    RunTools result;
    result.spaces = [](const Problem&) { return std::vector<Space>{toy::tiled_space(), toy::thin_space()}; };
    result.default_schedule = [](const Problem&) { return toy::default_schedule(); };
    result.features = [](const TrialKey&, const Schedule& schedule) { return toy::features(schedule); };
    result.runner = [](const Problem& problem) {
        const auto size = static_cast<double>(problem["n"]);
        return std::make_unique<toy::ScriptedRunner>(
            [size](const Schedule& schedule) { return toy::timed(toy::cost_ns(schedule, size)); });
    };
    return result;
}

RunRequest request_for(const std::vector<int>& sizes, Budget budget) {
    RunRequest request;
    for (const int size : sizes) request.problems.push_back({toy::problem(size), 1, static_cast<double>(size)});
    request.device = {"device", "a device", nlohmann::ordered_json::object()};
    request.toolchain = {"toolchain"};
    request.info = {"tilesmith tune toy", 1, "model", nlohmann::ordered_json::object()};
    request.budget = budget;
    return request;
}

size_t trials_of(const RunResult& result) {
    size_t trials = 0;
    for (const ProblemResult& problem : result.problems) trials += problem.session.progress.trials;
    return trials;
}

}  // namespace

TEST_CASE("a run: the trials of a file are its budget, each problem gets some, the heavier more", "[db]") {
    const Folder folder;
    Database database = Database::open(folder.database(), Database::Mode::append);
    const RunResult result = tune_all(request_for({100, 6400, 400}, {100, {}}), tools(), database, {});
    REQUIRE(result.problems.size() == 3);
    CHECK(trials_of(result) == 100);
    CHECK(result.problems[1].session.progress.trials > result.problems[0].session.progress.trials);
    CHECK(result.stop == StopReason::trials);
    CHECK(database.selections().size() == 3);
    for (const ProblemResult& problem : result.problems)
        CHECK(to_json(problem)["best_ns"].get<double>() <= to_json(problem)["default_ns"].get<double>());
}

TEST_CASE("a run: a budget of fewer trials than problems still measures every default", "[db]") {
    const Folder folder;
    Database database = Database::open(folder.database(), Database::Mode::append);
    const RunResult result = tune_all(request_for({100, 200, 400}, {1, {}}), tools(), database, {});
    REQUIRE(result.problems.size() == 3);
    for (const ProblemResult& problem : result.problems) CHECK(problem.session.progress.trials == 1);
}

TEST_CASE("a run: what one problem leaves goes to the others, also to earlier ones", "[db]") {
    const Folder folder;
    Database database = Database::open(folder.database(), Database::Mode::append);
    RunTools small = tools();
    small.spaces = [](const Problem& problem) {
        return std::vector<Space>{problem["n"] == 6400 ? toy::thin_space() : toy::tiled_space()};
    };
    const RunResult result = tune_all(request_for({100, 6400}, {120, {}}), small, database, {});
    CHECK(result.problems[1].session.progress.trials == 6);
    CHECK(trials_of(result) == 120);
    CHECK(result.problems[0].session.progress.trials == 114);
}

TEST_CASE("a run: repeated, it adds its trials to the known ones and tries none of them again but the default",
          "[db]") {
    const Folder folder;
    {
        Database database = Database::open(folder.database(), Database::Mode::append);
        tune_all(request_for({512}, {40, {}}), tools(), database, {});
    }
    Database database = Database::open(folder.database(), Database::Mode::append);
    tune_all(request_for({512}, {40, {}}), tools(), database, {});
    std::map<std::string, int> times;
    size_t screening = 0;
    for (const Trial& trial : database.trials({})) {
        if (trial.origin == "final") continue;
        ++screening;
        ++times[trial.schedule.text()];
    }
    CHECK(screening == 80);
    CHECK(times.size() == 79);
    CHECK(times[toy::default_schedule().text()] == 2);
}

TEST_CASE("a run: a problem that occurs twice is tuned once with both weights", "[db]") {
    const Folder folder;
    Database database = Database::open(folder.database(), Database::Mode::append);
    const RunResult result = tune_all(request_for({512, 512}, {10, {}}), tools(), database, {});
    CHECK(result.problems.size() == 1);
    CHECK(trials_of(result) == 10);
}

TEST_CASE("a run: interrupted, it begins no further problem", "[db]") {
    const Folder folder;
    Database database = Database::open(folder.database(), Database::Mode::append);
    std::atomic<int> interruptions{0};
    RunRequest request = request_for({100, 200}, {200, {}});
    request.interruptions = &interruptions;
    RunEvents events;
    events.progress = [&](const Problem&, const SessionProgress& progress, const Trial*) {
        if (progress.trials == 10) interruptions = 1;
    };
    const RunResult result = tune_all(request, tools(), database, events);
    CHECK(result.stop == StopReason::interrupted);
    CHECK(result.problems.size() == 1);
    CHECK(database.selections().size() == 1);
}

TEST_CASE("budget: parts add up to the whole and leave at least one trial for everybody", "[unit]") {
    const Budget whole{100, 50.0};
    Budget left = whole;
    std::vector<double> shares{1000, 1, 1, 1};
    size_t trials = 0;
    double seconds = 0;
    while (!shares.empty()) {
        const Budget part = part_of_budget(left, shares);
        CHECK(*part.trials >= 1);
        trials += *part.trials;
        seconds += *part.seconds;
        left = budget_after(left, *part.trials, *part.seconds);
        shares.erase(shares.begin());
    }
    CHECK(trials == 100);
    CHECK(seconds <= 52);
    CHECK_FALSE(worth_spending(left));
    CHECK_FALSE(worth_spending({}));
    CHECK(budget_share(4, 100) == Approx(20));
}
