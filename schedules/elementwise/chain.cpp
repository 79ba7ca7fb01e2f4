// The template chain: element-wise operations, vector after vector.
//
// Memory's bandwidth is the limit, or for gelu and the like the arithmetic of one element. Without a tensor of one
// value a column the matrix is one row, so that short rows cost nothing. The last vector starts earlier, so nothing is
// read or written outside.
#include "schedules/template_rows.h"

#include <Halide.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "schedules/blocks/epilogue.h"
#include "schedules/blocks/streaming.h"
#include "schedules/blocks/tiling.h"
#include "schedules/pipeline.h"

namespace tilesmith {
namespace {

TemplateId id() { return {"chain", 1}; }

constexpr int64_t kMostUnroll = 4;

// The matrix as it is walked: one row where no operation tells columns apart.
struct Matrix {
    explicit Matrix(const Problem& problem) : rows(problem["rows"]), cols(problem["cols"]) {
        const auto& chain = problem.epilogue();
        if (std::any_of(chain.begin(), chain.end(),
                        [](EpilogueOp op) { return epilogue_info(op).tensor == EpilogueTensor::per_channel; }))
            return;
        cols *= rows;
        rows = 1;
    }

    int64_t rows, cols;

    // Halide's order.
    [[nodiscard]] std::vector<int64_t> extents() const { return {cols, rows}; }
};

bool applies(const Problem&, const Target&) { return true; }

Space space(const Problem& problem, const Target& target, const Conditions& conditions) {
    const Matrix matrix(problem);
    const int64_t lanes = target.lanes(4);
    std::vector<Decision> decisions;
    decisions.push_back({"unroll", [=](const Schedule&) {
                             return values_of(powers_of_two(std::min(kMostUnroll, matrix.cols / lanes)));
                         }});
    append_store(decisions, problem, target);
    if (conditions.threads == 1) return {id(), decisions};
    // What one task takes: so many columns of so many rows.
    decisions.push_back({"task_cols", [=](const Schedule& s) {
                             const int64_t step = lanes * s.number("unroll");
                             std::vector<int64_t> lengths;
                             for (const int64_t steps : task_lengths(ceil_div(matrix.cols, step), step))
                                 lengths.push_back(std::min(steps * step, matrix.cols));
                             return values_of(lengths);
                         }});
    decisions.push_back(
        {"task_rows", [=](const Schedule& s) { return values_of(task_lengths(matrix.rows, s.number("task_cols"))); }});
    return {id(), decisions};
}

Schedule worked_out(const Problem& problem, const Target& target, const Conditions& conditions) {
    const Matrix matrix(problem);
    const int64_t tasks = 2 * int64_t{conditions.threads};
    Schedule wish(id());
    const std::string_view store = worked_out_store(problem, target, aligned_rows(matrix.cols));
    // Storing past the caches leaves no constants in registers: the more vectors share them, the better.
    wish.set("unroll", int64_t{store == "stream" ? 4 : 2}).set("store", std::string(store));
    wish.set("task_cols", matrix.rows < conditions.threads ? ceil_div(matrix.cols, tasks) : matrix.cols);
    wish.set("task_rows", ceil_div(matrix.rows, tasks));
    return *space(problem, target, conditions).repair(wish);
}

Pipeline build(const Problem& problem, const Schedule& schedule, const Target& target, const Conditions& conditions) {
    using Halide::TailStrategy;
    const Matrix matrix(problem);
    const int lanes = target.lanes(4);
    const int step = lanes * as_int(schedule.number("unroll"));

    const Halide::ImageParam x(Halide::Float(32), 2, "x");
    const EpilogueInputs epilogue = epilogue_inputs(problem, matrix.extents());
    Halide::Var col("col"), row("row"), block("block"), vector("vector"), lane("lane"), col_task("col_task"),
        row_task("row_task"), task("task");
    Halide::Func out("out");
    out(col, row) = apply_epilogue(problem, epilogue, x(col, row), {col, row});

    out.bound(col, 0, as_int(matrix.cols)).bound(row, 0, as_int(matrix.rows));
    if (conditions.threads > 1)
        out.split(col, col_task, col, as_int(schedule.number("task_cols")), TailStrategy::ShiftInwards)
            .split(row, row_task, row, as_int(schedule.number("task_rows")), TailStrategy::GuardWithIf)
            .reorder(col, row, col_task, row_task)
            .fuse(col_task, row_task, task)
            .parallel(task);
    if (matrix.cols >= lanes)
        out.split(col, block, lane, step, TailStrategy::ShiftInwards)
            .split(lane, vector, lane, lanes)
            .vectorize(lane)
            .unroll(vector)
            .partition(block, Halide::Partition::Never);

    Pipeline pipeline;
    pipeline.run = {out, {x}, {matrix.extents()}, matrix.extents()};
    pipeline.run.stream_output = streams_output(schedule);
    epilogue.append_to(pipeline.run);
    return pipeline;
}

}  // namespace

Template chain_template() {
    return {id(), "element-wise operations, vector after vector", {"elementwise"}, applies, space, worked_out, build};
}

}  // namespace tilesmith
