// A template: one way of computing an operator. It owns the algorithm and the schedule, because in Halide a packed
// panel or an interior/border split is written into the algorithm. One file a template, one line of the table in
// template.cpp.
#pragma once

#include <string>
#include <vector>

#include "core/conditions.h"
#include "core/problem.h"
#include "core/schedule.h"
#include "core/space.h"
#include "core/target.h"

namespace tilesmith {

struct Pipeline;  // schedules/pipeline.h: the only part that knows Halide

struct Template {
    TemplateId id;
    std::string summary;                 // one line for `list templates`
    std::vector<std::string> operators;  // the operators it computes
    // Asked about these operators in f32 alone: templates_for() looks at both first.
    bool (*applies)(const Problem&, const Target&);
    // Which decisions there are.
    Space (*space)(const Problem&, const Target&, const Conditions&);
    // Worked out from the target's numbers, without any measurement. Always inside space().
    Schedule (*default_schedule)(const Problem&, const Target&, const Conditions&);
    // The algorithm and its schedule. `schedule` must be inside space(). Throws Halide's errors.
    Pipeline (*build)(const Problem&, const Schedule&, const Target&, const Conditions&);
};

// All templates, in order of preference.
const std::vector<Template>& templates();

// Those that apply to `problem` on `target`, in order of preference: never empty for a problem that parsed.
std::vector<const Template*> templates_for(const Problem& problem, const Target& target);

// Null if there is none, or none of this version.
const Template* template_named(const TemplateId& id);

// Of the preferred template that applies: trial 0 of every session and the fallback of every look-up.
Schedule default_schedule(const Problem& problem, const Target& target, const Conditions& conditions);

// Throws bad_input saying why `schedule` is none of the problem's (unknown template, decision outside its domain).
const Template& require_legal(const Problem& problem, const Schedule& schedule, const Target& target,
                              const Conditions& conditions);

}  // namespace tilesmith
