#include "cli/lookup.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "cli/arguments.h"
#include "cli/trials.h"
#include "codegen/host.h"
#include "core/error.h"
#include "schedules/template.h"

namespace tilesmith {

namespace {

bool can_build(const Schedule& schedule, const Problem& problem, const Conditions& conditions, const Target& target) {
    const Template* made_by = template_named(schedule.template_id());
    return made_by != nullptr && made_by->applies(problem, target) &&
           made_by->space(problem, target, conditions).contains(schedule);
}

// With the decisions in the order of their template, whatever order a JSON tool left them in.
Schedule in_template_order(const Schedule& schedule, const Problem& problem, const Target& target,
                           const Conditions& conditions) {
    const std::vector<const Template*> possible = templates_for(problem, target);
    const Template* made_by = template_named(schedule.template_id());
    if (std::find(possible.begin(), possible.end(), made_by) == possible.end()) return schedule;
    Schedule ordered(schedule.template_id());
    const Space space = made_by->space(problem, target, conditions);
    for (const Decision& decision : space.decisions()) {
        if (const Value* value = schedule.find(decision.name)) ordered.set(decision.name, *value);
    }
    for (const auto& [name, value] : schedule.values()) ordered.set(name, value);
    return ordered;
}

}  // namespace

Device device_for(const Target& target) {
    Device device = host().device;
    if (target.name != resolve_target("host", /*must_run=*/false, nullptr).name) {
        device.fingerprint += " target=" + target.name;
    }
    return device;
}

TrialKey key_for(const Problem& problem, const Conditions& conditions, const Target& target) {
    return {problem.text(), conditions, device_for(target).fingerprint, toolchain().text};
}

Found find_schedule(const Database* database, const Problem& problem, const Conditions& conditions,
                    const Target& target) {
    if (database != nullptr) {
        std::optional<Selection> selection = database->selection(key_for(problem, conditions, target));
        if (selection && can_build(selection->schedule, problem, conditions, target)) {
            return {selection->schedule, "exact", selection};
        }
    }
    return {default_schedule(problem, target, conditions), "default", std::nullopt};
}

Schedule schedule_named(const std::string& text, const std::string& database, const Problem& problem,
                        const Target& target, const Conditions& conditions) {
    if (text.empty()) return default_schedule(problem, target, conditions);
    if (text.front() != '{') {
        require_database(database);
        return trials_with_id(Database::open(database, Database::Mode::read), text).front().schedule;
    }
    try {
        const Schedule schedule = Schedule::from_json(nlohmann::ordered_json::parse(text));
        return in_template_order(schedule, problem, target, conditions);
    } catch (const nlohmann::json::exception& error) {
        throw bad_input(
            fmt::format("--schedule is no JSON: {}", error.what()),
            R"(for example {"template": "register_tile", "version": 2, ...} as 'tilesmith show' prints it)");
    }
}

}  // namespace tilesmith
