// The template dot: a matmul as dot products, for operands that both lie along k and outputs too few to repay packing.
//
// mr x nc dot products at a time, each summed in one vector along k; the lanes are added up at the end. What remains of
// k after whole vectors is summed beforehand. A thin operand that does not lie along k is turned round before. Tiles
// are no longer than their axes, and the last one starts earlier, so nothing is read or written outside.
#include "schedules/template_rows.h"

#include <Halide.h>

#include <algorithm>
#include <vector>

#include "schedules/blocks/epilogue.h"
#include "schedules/blocks/tiling.h"
#include "schedules/matmul/operands.h"
#include "schedules/pipeline.h"

namespace tilesmith {
namespace {

TemplateId id() { return {"dot", 1}; }

constexpr int64_t kFew = 32;  // rows or columns: beyond, packing pays
constexpr int64_t kMostSide = 8;
constexpr int64_t kLeastUses = 32;  // of a thin operand, that repay turning it round

// The sums, one vector of each operand's row, and no more.
bool fits_registers(int64_t mr, int64_t nc, const Target& target) {
    return mr * nc + std::min(mr, nc) + 1 <= target.vector_registers;
}

std::vector<int64_t> sides(int64_t extent) {
    std::vector<int64_t> lengths;
    for (int64_t length = 1; length <= std::min(extent, kMostSide); ++length) lengths.push_back(length);
    return frugal_tiles(extent, lengths);
}

// Of the sides that fit beside `mr` rows, those with at least half as many sums as the best: sums are what hides
// latency.
std::vector<int64_t> columns(const MatmulShape& shape, int64_t mr, const Target& target) {
    std::vector<int64_t> fitting;
    for (const int64_t nc : sides(shape.n))
        if (fits_registers(mr, nc, target)) fitting.push_back(nc);
    if (fitting.empty()) return {1};
    const int64_t most = fitting.back();
    std::erase_if(fitting, [&](int64_t nc) { return nc * 2 < most; });
    return fitting;
}

bool turns_a(const MatmulShape& shape) {
    return shape.ta && shape.m > 1 && shape.m <= kMostSide && shape.n >= kLeastUses;
}

bool turns_b(const MatmulShape& shape) {
    return !shape.tb && shape.n > 1 && shape.n <= kMostSide && shape.m >= kLeastUses;
}

bool applies(const Problem& problem, const Target& target) {
    const MatmulShape shape(problem);
    const bool along_k = (!shape.ta || shape.m == 1 || turns_a(shape)) && (shape.tb || shape.n == 1 || turns_b(shape));
    // Of few rows reading B once is the limit, packed or not.
    const bool packed = problem.weights() == Weights::fixed && shape.n >= 2 * target.lanes(4) && shape.m > kMostSide;
    return along_k && !packed && shape.k >= target.lanes(4) && std::min(shape.m, shape.n) <= kFew;
}

Space space(const Problem& problem, const Target& target, const Conditions& conditions) {
    const MatmulShape shape(problem);
    const int64_t steps = shape.k / target.lanes(4);
    std::vector<Decision> decisions;
    decisions.push_back({"mr", [=](const Schedule&) {
                             std::vector<int64_t> rows = sides(shape.m);
                             std::erase_if(rows, [&](int64_t mr) { return !fits_registers(mr, 1, target); });
                             return values_of(rows.empty() ? std::vector<int64_t>{1} : rows);
                         }});
    decisions.push_back({"nc", [=](const Schedule& s) { return values_of(columns(shape, s.number("mr"), target)); }});
    decisions.push_back({"k_unroll", [=](const Schedule& s) {
                             std::vector<int64_t> unrolls;
                             for (const int64_t unroll : {1, 2, 4, 8})
                                 if (unroll == 1 || (unroll <= steps && unroll * s.number("mr") * s.number("nc") <= 64))
                                     unrolls.push_back(unroll);
                             return values_of(unrolls);
                         }});
    decisions.push_back({"outer", [](const Schedule&) { return std::vector<Value>{"n", "m"}; }});
    if (conditions.threads > 1)
        decisions.push_back({"parallel", [](const Schedule&) { return std::vector<Value>{"outer", "both"}; }});
    return {id(), decisions};
}

Schedule worked_out(const Problem& problem, const Target& target, const Conditions& conditions) {
    const MatmulShape shape(problem);
    Schedule wish(id());
    // Nearly square tiles load least: 4 x 3 sums of 16 registers.
    wish.set("mr", int64_t{shape.n < 3 ? 8 : 4}).set("nc", int64_t{shape.m < 3 ? 8 : 3}).set("k_unroll", int64_t{4});
    wish.set("outer", shape.n > shape.m ? "n" : "m").set("parallel", "both");
    return *space(problem, target, conditions).repair(wish);
}

Pipeline build(const Problem& problem, const Schedule& schedule, const Target& target, const Conditions&) {
    using Halide::TailStrategy;
    const MatmulShape shape(problem);
    const MatmulOperands in(shape);
    const int lanes = target.lanes(4);
    const int mr = as_int(schedule.number("mr"));
    const int nc = as_int(schedule.number("nc"));
    const int k_unroll = as_int(schedule.number("k_unroll"));
    const int vectors = as_int(shape.k) / lanes;
    const int steps = vectors / k_unroll * k_unroll;

    Halide::Var n("n"), m("m"), batch("batch"), lane("lane"), n_tile("n_tile"), m_tile("m_tile"), task("task");
    Halide::Func turned_a("turned_a"), turned_b("turned_b"), lane_sums("lane_sums"), sums("sums"), out("out");
    const Halide::RDom step(0, steps, "step");
    const Halide::RDom all_lanes(0, lanes, "all_lanes");

    // What remains: whole vectors after the unrolled steps, elements after the whole vectors.
    Halide::Var k("k");
    turned_a(k, m, batch) = in.a(m, k, batch);
    turned_b(k, n, batch) = in.b(n, k, batch);
    const auto product = [&](const Halide::Expr& depth) {
        return turned_a(depth, m, batch) * turned_b(depth, n, batch);
    };
    Halide::Expr first_vectors = 0.0F;
    for (int vector = steps; vector < vectors; ++vector) first_vectors += product(vector * lanes + lane);
    Halide::Expr first = 0.0F;
    for (int depth = vectors * lanes; depth < as_int(shape.k); ++depth) first += product(depth);

    lane_sums(lane, n, m, batch) = first_vectors;
    lane_sums(lane, n, m, batch) += product(step * lanes + lane);
    sums(n, m, batch) = first;
    sums(n, m, batch) += lane_sums(all_lanes, n, m, batch);
    const EpilogueInputs epilogue = epilogue_inputs(problem, shape.output_extents());
    out(n, m, batch) = apply_epilogue(problem, epilogue, sums(n, m, batch), {n, m, batch});

    const bool n_outer = schedule.choice("outer") == "n";
    const Halide::Var inner = n_outer ? m_tile : n_tile;
    const Halide::Var outer = n_outer ? n_tile : m_tile;
    Halide::Var level = inner;
    out.bound(n, 0, as_int(shape.n)).bound(m, 0, as_int(shape.m)).bound(batch, 0, as_int(shape.b));
    out.split(n, n_tile, n, nc, TailStrategy::ShiftInwards)
        .split(m, m_tile, m, mr, TailStrategy::ShiftInwards)
        .reorder(n, m, inner, outer, batch)
        .partition(n_tile, Halide::Partition::Never)
        .partition(m_tile, Halide::Partition::Never);
    if (schedule.find("parallel") != nullptr) {
        const bool both = schedule.choice("parallel") == "both";
        if (both) out.fuse(inner, outer, outer);
        out.fuse(outer, batch, task).parallel(task);
        if (both) level = task;
    }
    // What lies along k already is read where it is.
    if (turns_a(shape)) turned_a.compute_root().reorder(m, k, batch);
    if (turns_b(shape)) turned_b.compute_root().reorder(n, k, batch);
    lane_sums.compute_at(out, level)
        .bound_extent(lane, lanes)
        .bound_extent(n, nc)
        .bound_extent(m, mr)
        .bound_extent(batch, 1);
    lane_sums.vectorize(lane).unroll(n).unroll(m);
    lane_sums.update().reorder(lane, n, m, step).vectorize(lane).unroll(n).unroll(m);
    if (k_unroll > 1) lane_sums.update().unroll(step, k_unroll);
    sums.compute_at(out, level).bound_extent(n, nc).bound_extent(m, mr).bound_extent(batch, 1).unroll(n).unroll(m);
    sums.update().reorder(all_lanes, n, m).atomic().vectorize(all_lanes).unroll(n).unroll(m);

    Pipeline pipeline;
    pipeline.run = {out, {in.a_buffer, in.b_buffer}, {shape.a_extents(), shape.b_extents()}, shape.output_extents()};
    epilogue.append_to(pipeline.run);
    return pipeline;
}

}  // namespace

Template dot_template() {
    return {id(),       "dot products along k, for few rows or columns of operands that lie along k",
            {"matmul"}, applies,
            space,      worked_out,
            build};
}

}  // namespace tilesmith
