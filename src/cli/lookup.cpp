#include "cli/lookup.h"

#include "codegen/host.h"
#include "schedules/template.h"

namespace tilesmith {

namespace {

bool can_build(const Schedule& schedule, const Problem& problem, const Conditions& conditions, const Target& target) {
    const Template* made_by = template_named(schedule.template_id());
    return made_by != nullptr && made_by->applies(problem, target) &&
           made_by->space(problem, target, conditions).contains(schedule);
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

}  // namespace tilesmith
