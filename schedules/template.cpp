#include "schedules/template.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "schedules/template_rows.h"

namespace tilesmith {

const std::vector<Template>& templates() {
    static const std::vector<Template> table{
        // matmul
        small_template(),
        dot_template(),
        stream_template(),
        split_k_template(),
        register_tile_template(),
        // convolutions
        depthwise_template(),
        winograd_template(),
        direct_template(),
        spread_template(),
        phases_template(),
        // reductions
        window_template(),
        row_passes_template(),
        sum_chunks_template(),
        fold_rows_template(),
        fold_columns_template(),
        // no sums
        chain_template(),
        tiles_template(),
    };
    return table;
}

std::vector<const Template*> templates_for(const Problem& problem, const Target& target) {
    std::vector<const Template*> result;
    if (problem.dtype() != DType::f32) return result;  // the one type that templates compute in
    for (const Template& t : templates()) {
        const bool computes = std::find(t.operators.begin(), t.operators.end(), problem.op()) != t.operators.end();
        if (computes && t.applies(problem, target)) result.push_back(&t);
    }
    return result;
}

const Template* template_named(const TemplateId& id) {
    for (const Template& t : templates())
        if (t.id == id) return &t;
    return nullptr;
}

Schedule default_schedule(const Problem& problem, const Target& target, const Conditions& conditions) {
    const auto applicable = templates_for(problem, target);
    if (applicable.empty())
        throw run_failed(fmt::format("no template applies to '{}' on {}", problem.text(), target.name));
    return applicable.front()->default_schedule(problem, target, conditions);
}

const Template& require_legal(const Problem& problem, const Schedule& schedule, const Target& target,
                              const Conditions& conditions) {
    const TemplateId& id = schedule.template_id();
    const Template* found = template_named(id);
    if (found == nullptr)
        throw bad_input(fmt::format("there is no template '{}' version {}", id.name, id.version),
                        "see `tilesmith list templates`");
    const auto applicable = templates_for(problem, target);
    if (std::find(applicable.begin(), applicable.end(), found) == applicable.end())
        throw bad_input(
            fmt::format("the template '{}' does not apply to '{}' on {}", id.name, problem.text(), target.name),
            "see `tilesmith list templates`");
    if (const auto reason = found->space(problem, target, conditions).why_not(schedule))
        throw bad_input(fmt::format("schedule {} is outside its space: {}", schedule.text(), *reason));
    return *found;
}

}  // namespace tilesmith
