#include "tuner/replay_runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <istream>
#include <memory>
#include <ostream>

#include "core/error.h"

namespace tilesmith {

namespace {

Recorded parse_record(const std::string& line) {
    const auto json = nlohmann::ordered_json::parse(line);
    Recorded recorded;
    recorded.key.problem = json.at("problem").get<std::string>();
    recorded.key.conditions = Conditions::parse(json.at("conditions").get<std::string>());
    recorded.key.device = json.at("device").get<std::string>();
    recorded.key.toolchain = json.at("toolchain").get<std::string>();
    recorded.schedule = Schedule::from_json(json.at("schedule"));
    recorded.origin = json.at("origin").get<std::string>();
    recorded.features = json.at("features").get<std::vector<float>>();
    const auto status = status_named(json.at("status").get<std::string>());
    if (!status) throw bad_input(fmt::format("unknown status '{}'", json.at("status").get<std::string>()));
    recorded.status = *status;
    recorded.median_ns = json.at("median_ns").get<double>();
    if (recorded.status == Status::ok && recorded.median_ns <= 0) throw bad_input("'median_ns' must be positive");
    return recorded;
}

}  // namespace

void write_record(std::ostream& out, const Recorded& recorded) {
    nlohmann::ordered_json json;
    json["problem"] = recorded.key.problem;
    json["conditions"] = recorded.key.conditions.text();
    json["device"] = recorded.key.device;
    json["toolchain"] = recorded.key.toolchain;
    json["schedule"] = recorded.schedule.to_json();
    json["origin"] = recorded.origin;
    json["features"] = recorded.features;
    json["status"] = status_name(recorded.status);
    json["median_ns"] = recorded.median_ns;
    out << json.dump() << '\n';
}

std::vector<Recorded> read_records(std::istream& in, const std::string& name) {
    std::vector<Recorded> result;
    size_t number = 0;
    for (std::string line; std::getline(in, line);) {
        ++number;
        if (line.empty()) continue;
        try {
            result.push_back(parse_record(line));
        } catch (const nlohmann::json::exception& error) {
            throw bad_input(fmt::format("{}, line {}: {}", name, number, error.what()));
        } catch (const Error& error) {
            throw bad_input(fmt::format("{}, line {}: {}", name, number, error.what()), error.remedy());
        }
    }
    return result;
}

std::vector<std::vector<Recorded>> records_by_key(const std::vector<Recorded>& records) {
    std::vector<std::vector<Recorded>> groups;
    for (const Recorded& recorded : records) {
        const auto group = std::find_if(groups.begin(), groups.end(),
                                        [&](const auto& known) { return known.front().key == recorded.key; });
        if (group == groups.end()) {
            groups.push_back({recorded});
        } else {
            group->push_back(recorded);
        }
    }
    return groups;
}

Trial trial_of(const Recorded& recorded) {
    Trial trial;
    trial.key = recorded.key;
    trial.schedule = recorded.schedule;
    trial.origin = recorded.origin;
    if (recorded.status == Status::ok) {
        trial.outcome.samples_ns = {recorded.median_ns};
    } else {
        trial.outcome = Outcome::failed(recorded.status, "recorded as failed");
    }
    return trial;
}

Recorded recorded_of(const Trial& trial, std::vector<float> features) {
    Recorded recorded;
    recorded.key = trial.key;
    recorded.schedule = trial.schedule;
    recorded.origin = trial.origin;
    recorded.features = std::move(features);
    recorded.status = trial.outcome.status;
    if (trial.outcome.ok() && !trial.outcome.samples_ns.empty()) recorded.median_ns = median(trial.outcome.samples_ns);
    return recorded;
}

SearchContext replay_context(const std::vector<Recorded>& records, uint64_t seed) {
    assert(!records.empty());
    SearchContext context;
    context.key = records.front().key;
    context.seed = seed;
    const auto by_default = std::find_if(records.begin(), records.end(),
                                         [](const Recorded& recorded) { return recorded.origin == "default"; });
    context.default_schedule = by_default == records.end() ? records.front().schedule : by_default->schedule;
    for (const Recorded& recorded : records) context.pool.push_back(recorded.schedule);
    auto features = std::make_shared<std::unordered_map<uint64_t, std::vector<float>>>();
    for (const Recorded& recorded : records) features->emplace(recorded.schedule.hash(), recorded.features);
    context.features = [features](const TrialKey&, const Schedule& schedule) {
        const auto known = features->find(schedule.hash());
        return known == features->end() ? std::vector<float>{} : known->second;
    };
    return context;
}

ReplayRunner::ReplayRunner(const std::vector<Recorded>& records) {
    for (const Recorded& recorded : records) outcomes_.emplace(recorded.schedule.hash(), trial_of(recorded).outcome);
}

void ReplayRunner::submit(const std::vector<Schedule>& schedules) {
    queue_.insert(queue_.end(), schedules.begin(), schedules.end());
}

std::optional<Measured> ReplayRunner::next(double) {
    if (queue_.empty()) return std::nullopt;
    Measured measured{std::move(queue_.front()), {}};
    queue_.pop_front();
    measured.outcome = outcome_of(measured.schedule);
    return measured;
}

std::vector<Contender> ReplayRunner::rerank(const std::vector<Schedule>& contenders, double) {
    std::vector<Contender> result;
    result.reserve(contenders.size());
    for (const Schedule& schedule : contenders) result.push_back({schedule, outcome_of(schedule)});
    return result;
}

Outcome ReplayRunner::outcome_of(const Schedule& schedule) const {
    const auto known = outcomes_.find(schedule.hash());
    return known == outcomes_.end() ? Outcome::failed(Status::run_failed, "not recorded") : known->second;
}

}  // namespace tilesmith
