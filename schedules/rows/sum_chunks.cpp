// The template sum_chunks: the norm of long rows as partial sums, one set a chunk.
//
// A norm reads its input once, so memory's bandwidth is the limit: enough accumulators to keep loads coming, and chunks
// of a row as tasks, because there may be a single row.
#include "schedules/template_rows.h"

#include <Halide.h>

#include <algorithm>
#include <vector>

#include "schedules/blocks/tiling.h"
#include "schedules/pipeline.h"
#include "schedules/rows/reduction.h"
#include "schedules/rows/shape.h"

namespace tilesmith {
namespace {

TemplateId id() { return {"sum_chunks", 1}; }

constexpr int64_t kMostSums = 8;

bool applies(const Problem&, const Target&) { return true; }

Space space(const Problem& problem, const Target& target, const Conditions& conditions) {
    const RowsShape shape(problem);
    const int64_t vectors = shape.cols / target.lanes(4);
    std::vector<Decision> decisions;
    decisions.push_back(
        {"sums", [=](const Schedule&) { return values_of(powers_of_two(std::min(kMostSums, vectors))); }});
    if (conditions.threads > 1)
        decisions.push_back({"chunks", [=](const Schedule& s) {
                                 const int64_t steps = vectors / s.number("sums");
                                 return values_of(
                                     powers_of_two(std::min<int64_t>(kMostChunksAThread * conditions.threads, steps)));
                             }});
    return {id(), decisions};
}

Schedule worked_out(const Problem& problem, const Target& target, const Conditions& conditions) {
    Schedule wish(id());
    wish.set("sums", kMostSums).set("chunks", int64_t{conditions.threads});
    return *space(problem, target, conditions).repair(wish);
}

Pipeline build(const Problem& problem, const Schedule& schedule, const Target& target, const Conditions&) {
    const RowsShape shape(problem);
    const bool parallel = schedule.find("chunks") != nullptr;
    const int chunks = parallel ? as_int(schedule.number("chunks")) : 1;
    const Halide::ImageParam x(Halide::Float(32), 2, "x");
    const Halide::Var row("row");
    Halide::Func out("out");
    RowReduction squares("squares", Combine::sum, as_int(shape.cols), target.lanes(4), as_int(schedule.number("sums")),
                         chunks, [&](const Halide::Expr& c, const Halide::Expr& r) { return x(c, r) * x(c, r); });
    out(row) = Halide::sqrt(squares.total(row));
    out.bound(row, 0, as_int(shape.rows));
    squares.compute_at(out, row, parallel);
    Pipeline pipeline;
    pipeline.run = {out, {x}, {shape.extents()}, {shape.rows}};
    return pipeline;
}

}  // namespace

Template sum_chunks_template() {
    return {id(), "vectors of partial sums over chunks of a row", {"norm"}, applies, space, worked_out, build};
}

}  // namespace tilesmith
