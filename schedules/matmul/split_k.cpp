// The template split_k: a matmul of few outputs and a long reduction, whose k is cut into chunks that threads sum
// apart.
//
// Within a chunk, register tiles run over rows of A and B as they lie; chunks are as long as lets both stay in a cache
// while the tiles pass over them. Tiles are no longer than their axes, and the last one starts earlier, so nothing is
// read or written outside. What remains of k after equal chunks is summed when they are added up.
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

TemplateId id() { return {"split_k", 1}; }

constexpr int64_t kLeastDepth = 2048;  // of the whole reduction
constexpr int64_t kLeastChunk = 128;   // shorter ones do not repay the writing of their sums
constexpr int64_t kMostChunk = 4096;
constexpr int64_t kMostOutputs = 1 << 14;  // of a batch element

std::vector<int64_t> chunk_counts(const MatmulShape& shape, const Conditions& conditions) {
    std::vector<int64_t> counts;
    for (int64_t count = conditions.threads; shape.k / count >= kLeastChunk; count *= 2)
        if (shape.k / count <= kMostChunk) counts.push_back(count);
    return counts.empty() ? std::vector<int64_t>{std::max<int64_t>(1, shape.k / kLeastChunk)} : counts;
}

bool applies(const Problem& problem, const Target& target) {
    const MatmulShape shape(problem);
    return !shape.tb && problem.weights() == Weights::fresh && shape.n >= target.lanes(4) && shape.k >= kLeastDepth &&
           shape.m * shape.n <= kMostOutputs;
}

Space space(const Problem& problem, const Target& target, const Conditions& conditions) {
    const MatmulShape shape(problem);
    std::vector<Decision> decisions;
    decisions.push_back(
        {"vectors", [=](const Schedule&) { return values_of(inner_tile_vectors(shape.n, target.lanes(4))); }});
    decisions.push_back(
        {"rows", [=](const Schedule& s) { return values_of(tile_rows(shape.m, s.number("vectors"), target)); }});
    decisions.push_back({"chunks", [=](const Schedule&) { return values_of(chunk_counts(shape, conditions)); }});
    decisions.push_back({"unroll", [=](const Schedule& s) {
                             // Chunks are made of whole steps, whatever the factor.
                             return values_of(unroll_factors(8, s.number("vectors") * s.number("rows")));
                         }});
    return {id(), decisions};
}

Schedule worked_out(const Problem& problem, const Target& target, const Conditions& conditions) {
    const MatmulShape shape(problem);
    // Both operands' part of a chunk in half of the L2 cache, and some chunks a thread.
    const int64_t depth = std::max(kLeastChunk, target.l2_bytes / 2 / 4 / (shape.m + shape.n));
    const int64_t least = conditions.threads > 1 ? int64_t{4} * conditions.threads : 1;
    Schedule wish(id());
    wish.set("vectors", int64_t{2}).set("rows", int64_t{6});
    wish.set("chunks", std::max(least, ceil_div(shape.k, depth))).set("unroll", int64_t{4});
    return *space(problem, target, conditions).repair(wish);
}

Pipeline build(const Problem& problem, const Schedule& schedule, const Target& target, const Conditions& conditions) {
    using Halide::TailStrategy;
    const MatmulShape shape(problem);
    const MatmulOperands in(shape);
    const int lanes = target.lanes(4);
    const int panel = lanes * as_int(schedule.number("vectors"));
    const int rows = as_int(schedule.number("rows"));
    const int unroll = as_int(schedule.number("unroll"));
    const int chunks = as_int(schedule.number("chunks"));
    const int depth = as_int(shape.k) / chunks / unroll * unroll;
    const int covered = depth * chunks;

    Halide::Var n("n"), m("m"), batch("batch"), chunk("chunk"), n_tile("n_tile"), m_tile("m_tile"), task("task");
    Halide::Func tile("tile"), partial("partial"), sums("sums"), out("out");
    const Halide::RDom step(0, depth, "step");
    const auto product = [&](const Halide::Expr& at) { return in.a(m, at, batch) * in.b(n, at, batch); };
    tile(n, m, chunk, batch) = 0.0F;
    tile(n, m, chunk, batch) += product(chunk * depth + step);
    partial(n, m, chunk, batch) = tile(n, m, chunk, batch);
    const Halide::RDom all_chunks(0, chunks, "all_chunks");
    sums(n, m, batch) = 0.0F;
    sums(n, m, batch) += partial(n, m, all_chunks, batch);
    if (covered < shape.k) {
        const Halide::RDom rest(covered, as_int(shape.k) - covered, "rest");
        sums(n, m, batch) += product(rest);
    }
    const EpilogueInputs epilogue = epilogue_inputs(problem, shape.output_extents());
    out(n, m, batch) = apply_epilogue(problem, epilogue, sums(n, m, batch), {n, m, batch});

    const int columns = as_int(shape.n);
    out.bound(n, 0, columns)
        .bound(m, 0, as_int(shape.m))
        .bound(batch, 0, as_int(shape.b))
        .vectorize(n, lanes, TailStrategy::ShiftInwards);
    sums.compute_at(out, m).bound_extent(n, columns).bound_extent(m, 1).bound_extent(batch, 1);
    sums.vectorize(n, lanes, TailStrategy::ShiftInwards);
    for (int i = 0; i < sums.num_update_definitions(); ++i)
        sums.update(i).vectorize(n, lanes, TailStrategy::GuardWithIf);

    partial.compute_root()
        .bound(n, 0, columns)
        .bound(m, 0, as_int(shape.m))
        .bound(chunk, 0, chunks)
        .bound(batch, 0, as_int(shape.b))
        .split(n, n_tile, n, panel, TailStrategy::ShiftInwards)
        .split(m, m_tile, m, rows, TailStrategy::ShiftInwards)
        .vectorize(n, lanes)
        .reorder({n, m, n_tile, m_tile, chunk, batch})
        .unroll(n)
        .unroll(m)
        .never_partition_all();
    if (conditions.threads > 1) partial.fuse(chunk, batch, task).parallel(task);
    tile.compute_at(partial, n_tile)
        .bound_extent(n, panel)
        .bound_extent(m, rows)
        .bound_extent(chunk, 1)
        .bound_extent(batch, 1)
        .vectorize(n, lanes)
        .unroll(n)
        .unroll(m);
    tile.update().reorder(n, m, step, chunk, batch).vectorize(n, lanes).unroll(n).unroll(m);
    if (unroll > 1) tile.update().unroll(step, unroll);

    Pipeline pipeline;
    pipeline.run = {out, {in.a_buffer, in.b_buffer}, {shape.a_extents(), shape.b_extents()}, shape.output_extents()};
    epilogue.append_to(pipeline.run);
    return pipeline;
}

}  // namespace

Template split_k_template() {
    return {id(), "chunks of a long k, summed apart, for few outputs", {"matmul"}, applies, space, worked_out, build};
}

}  // namespace tilesmith
