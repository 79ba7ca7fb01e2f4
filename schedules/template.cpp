#include "schedules/template.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "schedules/conv/depthwise.h"
#include "schedules/conv/direct.h"
#include "schedules/matmul/dot.h"
#include "schedules/matmul/register_tile.h"
#include "schedules/matmul/stream.h"
#include "schedules/pool/window.h"
#include "schedules/rows/row_passes.h"
#include "schedules/rows/sum_chunks.h"
#include "schedules/transposed/phases.h"

namespace tilesmith {

namespace {

template <class T>
Template row(const std::string& summary, const std::vector<std::string>& operators) {
    return {T::id(), summary, operators, T::applies, T::space, T::default_schedule, T::build};
}

}  // namespace

const std::vector<Template>& templates() {
    static const std::vector<Template> table{
        row<DotMatmul>("dot products along k, for few rows or columns of operands that lie along k", {"matmul"}),
        row<StreamMatmul>("few rows of A while B is read once, row by row, unpacked", {"matmul"}),
        row<RegisterTiledMatmul>("register tiles in cache blocks, operands packed or as they lie", {"matmul"}),
        row<DepthwiseConv>("vectors of channels, one kernel a channel, no packing", {"conv2d", "conv1d"}),
        row<DirectConv>("register tiles of pixels x vectors of output channels", {"conv2d", "conv1d", "conv3d"}),
        row<TransposedPhases>("a small dense convolution for each phase of the stride", {"conv2d_transposed"}),
        row<WindowPool>("vectors of channels, one window after the other", {"max_pool", "avg_pool"}),
        row<RowPasses>("passes over a row that stays in the cache", {"softmax", "layer_norm", "rms_norm"}),
        row<SumChunks>("vectors of partial sums over chunks of a row", {"norm"}),
    };
    return table;
}

std::vector<const Template*> templates_for(const Problem& problem, const Target& target) {
    std::vector<const Template*> result;
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
