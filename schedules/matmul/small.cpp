// The template small: matrices so small that a register tile's whole reduction is one run of instructions, or the whole
// product is.
//
// There is no loop over k, nothing is packed and no sum goes to memory before it is whole: what loops and copies cost
// is what small matrices cost. Tiles are no longer than their axes, and the last ones start earlier, so nothing is read
// or written outside.
#include <Halide.h>

#include <algorithm>
#include <vector>

#include "schedules/blocks/epilogue.h"
#include "schedules/blocks/tiling.h"
#include "schedules/matmul/operands.h"
#include "schedules/pipeline.h"
#include "schedules/template_rows.h"

namespace tilesmith {
namespace {

TemplateId id() { return {"small", 1}; }

constexpr int64_t kMostDepth = 32;
constexpr int64_t kMostProduct = 32 * 32 * 32;  // multiply-adds of a batch element: beyond, caches and threads count
constexpr int64_t kMostBody = 512;              // multiply-adds of vectors without a loop: some 8 KB of instructions

// Vectors of 16 bytes and more: as many columns as there are lanes, or more.
std::vector<int64_t> lane_counts(const MatmulShape& shape, const Target& target) {
    std::vector<int64_t> counts;
    for (int64_t lanes = 4; lanes <= std::min<int64_t>(shape.n, target.lanes(4)); lanes *= 2) counts.push_back(lanes);
    return counts;
}

bool applies(const Problem& problem, const Target& target) {
    const MatmulShape shape(problem);
    return !shape.tb && shape.k <= kMostDepth && !lane_counts(shape, target).empty() &&
           shape.m * shape.n * shape.k <= kMostProduct;
}

// Multiply-adds of the whole product of one batch element.
int64_t whole_body(const MatmulShape& shape, const Schedule& s) {
    const int64_t tiles =
        ceil_div(shape.n, s.number("lanes") * s.number("vectors")) * ceil_div(shape.m, s.number("rows"));
    return tiles * s.number("vectors") * s.number("rows") * shape.k;
}

Space space(const Problem& problem, const Target& target, const Conditions& conditions) {
    const MatmulShape shape(problem);
    std::vector<Decision> decisions;
    decisions.push_back({"lanes", [=](const Schedule&) { return values_of(lane_counts(shape, target)); }});
    decisions.push_back(
        {"vectors", [=](const Schedule& s) { return values_of(inner_tile_vectors(shape.n, s.number("lanes"))); }});
    // Few sums a tile do not wait for each other where the next tile's follow at once.
    decisions.push_back({"rows", [=](const Schedule& s) {
                             std::vector<int64_t> rows = balanced_blocks(shape.m, 1, shape.m);
                             std::erase_if(rows, [&](int64_t count) {
                                 return count > 1 && !tile_fits_registers(count, s.number("vectors"), target);
                             });
                             return values_of(rows);
                         }});
    decisions.push_back({"unroll", [=](const Schedule& s) {
                             std::vector<Value> extents{"tile"};
                             if (whole_body(shape, s) <= kMostBody) extents.emplace_back("product");
                             return extents;
                         }});
    if (conditions.threads > 1) {
        decisions.push_back(
            {"task", [=](const Schedule&) { return values_of(task_lengths(shape.b, shape.m * shape.n * shape.k)); }});
    }
    return {id(), decisions};
}

Schedule worked_out(const Problem& problem, const Target& target, const Conditions& conditions) {
    const MatmulShape shape(problem);
    Schedule wish(id());
    wish.set("lanes", int64_t{target.lanes(4)}).set("vectors", int64_t{2}).set("rows", int64_t{4});
    wish.set("unroll", "product").set("task", int64_t{1});
    return *space(problem, target, conditions).repair(wish);
}

Pipeline build(const Problem& problem, const Schedule& schedule, const Target&, const Conditions&) {
    using Halide::TailStrategy;
    const MatmulShape shape(problem);
    const MatmulOperands in(shape);
    const int lanes = as_int(schedule.number("lanes"));
    const int panel = lanes * as_int(schedule.number("vectors"));
    const int rows = as_int(schedule.number("rows"));

    Halide::Var n("n"), m("m"), batch("batch"), n_tile("n_tile"), m_tile("m_tile"), task("task");
    Halide::Func tile("tile"), out("out");
    const Halide::RDom depth(0, as_int(shape.k), "depth");
    tile(n, m, batch) = 0.0F;
    tile(n, m, batch) += in.a(m, depth, batch) * in.b(n, depth, batch);
    const EpilogueInputs epilogue = epilogue_inputs(problem, shape.output_extents());
    out(n, m, batch) = apply_epilogue(problem, epilogue, tile(n, m, batch), {n, m, batch});

    out.bound(n, 0, as_int(shape.n)).bound(m, 0, as_int(shape.m)).bound(batch, 0, as_int(shape.b));
    out.split(n, n_tile, n, panel, TailStrategy::ShiftInwards)
        .split(m, m_tile, m, rows, TailStrategy::ShiftInwards)
        .vectorize(n, lanes)
        .reorder({n, m, n_tile, m_tile, batch})
        .unroll(n)
        .unroll(m)
        .never_partition_all();
    if (schedule.choice("unroll") == "product") out.unroll(n_tile).unroll(m_tile);
    if (schedule.find("task") != nullptr)
        out.split(batch, task, batch, as_int(schedule.number("task")), TailStrategy::GuardWithIf).parallel(task);
    tile.compute_at(out, n_tile).bound_extent(n, panel).bound_extent(m, rows).bound_extent(batch, 1);
    tile.vectorize(n, lanes).unroll(n).unroll(m);
    tile.update().reorder(n, m, depth, batch).vectorize(n, lanes).unroll(n).unroll(m).unroll(depth);

    Pipeline pipeline;
    pipeline.run = {out, {in.a_buffer, in.b_buffer}, {shape.a_extents(), shape.b_extents()}, shape.output_extents()};
    epilogue.append_to(pipeline.run);
    return pipeline;
}

}  // namespace

Template small_template() {
    return {id(), "small matrices, unrolled whole", {"matmul"}, applies, space, worked_out, build};
}

}  // namespace tilesmith
