// What and how of the template register_tile: mr x (nv vectors) accumulators stay in registers over a run of k; around
// them tiles form blocks for the caches.
//
// No buffer is read or written outside. Where an operand is used as it lies, and always along m, the last tile of its
// axis starts earlier and computes some elements a second time (ShiftInwards; the space keeps such tiles no longer than
// the axis). Panels of B are padded with zeros where n ends inside of them, and the copy to the output is guarded.
#include "schedules/matmul/register_tile.h"

#include <string>
#include <utility>
#include <vector>

#include "schedules/blocks/epilogue.h"
#include "schedules/blocks/tiling.h"
#include "schedules/matmul/operands.h"

namespace tilesmith {
namespace {

using Halide::Expr;
using Halide::Func;
using Halide::RDom;
using Halide::TailStrategy;
using Halide::Var;

// The schedule's decisions as Halide wants them: plain ints.
struct Plan {
    Plan(const MatmulShape& shape, const Schedule& schedule, const Target& target)
        : lanes(target.lanes(4)),
          mr(as_int(schedule.number("mr"))),
          nr(as_int(schedule.number("nv")) * lanes),
          k_unroll(as_int(schedule.number("k_unroll"))),
          k_blocks(as_int(schedule.number("k_blocks"))),
          kc(as_int(shape.k / (k_blocks * k_unroll) * k_unroll)),
          m_tiles(as_int(schedule.number("m_block"))),
          n_tiles(as_int(schedule.number("n_block"))),
          copy_a(schedule.choice("copy_a")),
          pack_b(schedule.choice("pack_b")),
          order(schedule.choice("order")),
          pack_order(schedule.choice("pack_order")),
          prefetch(schedule.choice("prefetch")),
          outer(schedule.choice("outer")),
          parallel(schedule.find("parallel") != nullptr ? schedule.choice("parallel") : "no") {}

    [[nodiscard]] bool copies_a() const { return copy_a != "none"; }
    [[nodiscard]] bool packs_b() const { return pack_b != "none"; }

    int lanes, mr, nr, k_unroll, k_blocks;
    int kc;                // depth of a block of k; what remains is less than k_blocks * k_unroll
    int m_tiles, n_tiles;  // tiles in a block
    std::string copy_a, pack_b, order, pack_order, prefetch, outer, parallel;
};

class Build {
  public:
    Build(const Problem& problem, const Schedule& schedule, const Target& target)
        : problem_(problem), shape_(problem), in_(shape_), plan_(shape_, schedule, target) {}

    Pipeline pipeline() {
        define();
        schedule_output();
        if (blocked()) schedule_block();
        if (long_rest()) schedule_rest();
        schedule_tile();
        schedule_packing();
        return stages();
    }

  private:
    void define();
    void schedule_output();
    void schedule_block();
    void schedule_rest();
    void schedule_tile();
    void schedule_packing();
    void make_parallel();
    Pipeline stages();

    [[nodiscard]] Expr copied_a() const;
    [[nodiscard]] Expr padded_b(const Expr& column, const Expr& depth) const;
    [[nodiscard]] Expr a(const Expr& depth) const;
    [[nodiscard]] Expr b(const Expr& depth) const;
    // The rest: what remains of k when it is cut into blocks (or unrolled steps) of equal length. Its products are the
    // first of each sum; too many to be written out, which only blocks leave, they are added at the end.
    [[nodiscard]] Expr rest_product(const Expr& depth) const;
    [[nodiscard]] int covered() const { return plan_.k_blocks * plan_.kc; }
    [[nodiscard]] int remains() const { return as_int(shape_.k) - covered(); }
    [[nodiscard]] bool long_rest() const { return remains() > kMostWrittenOut; }
    [[nodiscard]] bool blocked() const { return plan_.k_blocks > 1; }
    [[nodiscard]] TailStrategy n_tail() const {
        return plan_.packs_b() ? TailStrategy::GuardWithIf : TailStrategy::ShiftInwards;
    }
    // A copied block of A may stick out, because the copy repeats the last row.
    [[nodiscard]] TailStrategy m_block_tail() const {
        return plan_.copy_a == "block" ? TailStrategy::GuardWithIf : TailStrategy::ShiftInwards;
    }
    // Unrolled over a tile, an error function or an exponential would be most of the code; then the tile is written
    // from memory.
    [[nodiscard]] bool long_epilogue() const { return !problem_.exact(); }
    [[nodiscard]] bool ahead() const { return plan_.pack_b == "ahead"; }
    // With k in blocks, blocks of n are computed whole, so whole blocks must be there.
    [[nodiscard]] int64_t b_panels() const {
        return round_up(ceil_div(shape_.n, plan_.nr), blocked() ? plan_.n_tiles : 1);
    }

    const Problem& problem_;
    MatmulShape shape_;
    MatmulOperands in_;
    Plan plan_;
    EpilogueInputs epilogue_;

    Var n_{"n"}, m_{"m"}, batch_{"batch"}, k_block_{"k_block"};
    Var lane_{"lane"}, vector_{"vector"}, row_{"row"}, n_tile_{"n_tile"}, m_tile_{"m_tile"}, n_blk_{"n_blk"},
        m_blk_{"m_blk"};
    Var c_lane_{"c_lane"}, c_vector_{"c_vector"}, c_row_{"c_row"}, c_n_tile_{"c_n_tile"}, c_m_tile_{"c_m_tile"};
    Var inside_{"inside"}, depth_{"depth"}, panel_{"panel"};
    RDom k_, blocks_, rest_;
    Func copy_a_{"copy_a"}, packed_b_{"packed_b"}, tile_{"tile"}, block_{"block"}, out_{"out"};
    Halide::ImageParam ahead_b_{Halide::Float(32), 4, "packed_b"};
    Var inner_n_, inner_m_;  // the tile loops around tile_
    Var n_level_, m_level_;  // the block loops (renamed where they are fused)
    Func around_;            // the Func with the tile loops: out_ or block_
};

// An element of a copy of A. A copied block may be longer than what remains of m: the rows beyond repeat the last one.
Expr Build::copied_a() const {
    const int64_t rows = plan_.mr * (plan_.copy_a == "block" ? plan_.m_tiles : 1);
    if (shape_.m % rows == 0) return in_.a(m_, depth_, batch_);
    return in_.a(Halide::min(Halide::likely(m_), as_int(shape_.m - 1)), depth_, batch_);
}

// An element of a panel of B, or 0 beyond the last column. Whole blocks may stick out further than single panels.
Expr Build::padded_b(const Expr& column, const Expr& depth) const {
    const bool by_block = blocked() || plan_.pack_b == "block";
    if (shape_.n % (plan_.nr * (by_block ? plan_.n_tiles : 1)) == 0) return in_.b(column, depth, batch_);
    const int last = as_int(shape_.n - 1);
    return Halide::select(Halide::likely(column <= last),
                          in_.b(Halide::min(Halide::likely(column), last), depth, batch_), 0.0F);
}

// Operands as the inner loop reads them: from their copies and panels where there are any.
Expr Build::a(const Expr& depth) const {
    return plan_.copies_a() ? copy_a_(depth, m_, batch_) : in_.a(m_, depth, batch_);
}

Expr Build::b(const Expr& depth) const {
    if (ahead()) return ahead_b_(n_ % plan_.nr, depth, n_ / plan_.nr, batch_);
    if (!plan_.packs_b()) return in_.b(n_, depth, batch_);
    return packed_b_(n_ % plan_.nr, depth, n_ / plan_.nr, batch_);
}

// Where k is in blocks, panels hold one block each; the rest is in none.
Expr Build::rest_product(const Expr& depth) const {
    return (blocked() && plan_.copy_a != "block" ? in_.a(m_, depth, batch_) : a(depth)) *
           (blocked() && plan_.pack_b == "panel" ? padded_b(n_, depth) : b(depth));
}

// What: panels, tiles, blocks, output.
void Build::define() {
    copy_a_(depth_, m_, batch_) = copied_a();
    packed_b_(inside_, depth_, panel_, batch_) = padded_b(panel_ * plan_.nr + inside_, depth_);

    Expr first = 0.0F;
    for (int at = covered(); !long_rest() && at < shape_.k; ++at) first += rest_product(at);
    k_ = RDom(0, plan_.kc, "k");
    Expr sum;
    if (blocked()) {
        const Expr depth = k_block_ * plan_.kc + k_;
        tile_(n_, m_, batch_, k_block_) = 0.0F;
        tile_(n_, m_, batch_, k_block_) += a(depth) * b(depth);
        blocks_ = RDom(0, plan_.k_blocks, "k_blocks");
        block_(n_, m_, batch_) = first;
        block_(n_, m_, batch_) += tile_(n_, m_, batch_, blocks_);
        if (long_rest()) {
            rest_ = RDom(covered(), remains(), "rest");
            block_(n_, m_, batch_) += rest_product(rest_);
        }
        sum = block_(n_, m_, batch_);
    } else {
        tile_(n_, m_, batch_) = first;
        tile_(n_, m_, batch_) += a(k_) * b(k_);
        sum = tile_(n_, m_, batch_);
    }
    epilogue_ = epilogue_inputs(problem_, shape_.output_extents());
    out_(n_, m_, batch_) = apply_epilogue(problem_, epilogue_, sum, {n_, m_, batch_});
}

void Build::schedule_output() {
    out_.bound(n_, 0, as_int(shape_.n)).bound(m_, 0, as_int(shape_.m)).bound(batch_, 0, as_int(shape_.b));
    const bool n_outer = plan_.outer == "n";
    n_level_ = n_blk_;
    m_level_ = m_blk_;
    if (!blocked()) {
        // Tiles, then blocks of tiles: a block that sticks out costs nothing.
        out_.split(m_, m_tile_, row_, plan_.mr, TailStrategy::ShiftInwards)
            .split(n_, n_tile_, lane_, plan_.nr, n_tail())
            .split(m_tile_, m_blk_, m_tile_, plan_.m_tiles, TailStrategy::GuardWithIf)
            .split(n_tile_, n_blk_, n_tile_, plan_.n_tiles, TailStrategy::GuardWithIf)
            .split(lane_, vector_, lane_, plan_.lanes)
            .vectorize(lane_)
            .partition(m_tile_, Halide::Partition::Never)
            .partition(m_blk_, Halide::Partition::Never)
            .partition(n_blk_, Halide::Partition::Never);
        if (!long_epilogue()) out_.unroll(vector_).unroll(row_);
        // Only a guarded write of the last columns is worth a loop of its own.
        if (!plan_.packs_b() || shape_.n % plan_.nr == 0) out_.partition(n_tile_, Halide::Partition::Never);
        const Var first = plan_.order == "nm" ? m_tile_ : n_tile_;
        const Var second = plan_.order == "nm" ? n_tile_ : m_tile_;
        out_.reorder(lane_, vector_, row_, first, second, n_outer ? m_blk_ : n_blk_, n_outer ? n_blk_ : m_blk_, batch_);
        around_ = out_;
        inner_n_ = n_tile_;
        inner_m_ = m_tile_;
    } else {
        out_.split(m_, m_blk_, m_, plan_.m_tiles * plan_.mr, m_block_tail())
            .split(n_, n_blk_, n_, plan_.n_tiles * plan_.nr, n_tail())
            .split(n_, vector_, lane_, plan_.lanes, TailStrategy::GuardWithIf)
            .vectorize(lane_)
            .reorder(lane_, vector_, m_, n_outer ? m_blk_ : n_blk_, n_outer ? n_blk_ : m_blk_, batch_)
            .partition(m_blk_, Halide::Partition::Never)
            .partition(n_blk_, Halide::Partition::Never);
        around_ = block_;
        inner_n_ = c_n_tile_;
        inner_m_ = c_m_tile_;
    }
    make_parallel();
}

void Build::make_parallel() {
    if (plan_.parallel == "no") return;
    const bool n_outer = plan_.outer == "n";
    const Var inner = n_outer ? m_blk_ : n_blk_;
    const Var outer = n_outer ? n_blk_ : m_blk_;
    if (plan_.parallel == "inner") {
        out_.parallel(inner);
        return;
    }
    const Var both("both");
    const Var task("task");
    if (plan_.parallel == "both") out_.fuse(inner, outer, both);
    const Var level = plan_.parallel == "both" ? both : outer;
    out_.fuse(level, batch_, task).parallel(task);
    if (plan_.parallel == "both" || n_outer) n_level_ = task;
    if (plan_.parallel == "both" || !n_outer) m_level_ = task;
}

// The sums of one block over all of k, updated by one block of k after the other.
void Build::schedule_block() {
    const Var level = plan_.outer == "n" ? m_level_ : n_level_;
    block_.compute_at(out_, level)
        .bound_extent(n_, plan_.n_tiles * plan_.nr)
        .bound_extent(m_, plan_.m_tiles * plan_.mr)
        .bound_extent(batch_, 1)
        .vectorize(n_, plan_.lanes);
    const Var first = plan_.order == "nm" ? c_m_tile_ : c_n_tile_;
    const Var second = plan_.order == "nm" ? c_n_tile_ : c_m_tile_;
    block_.update()
        .split(m_, c_m_tile_, c_row_, plan_.mr)
        .split(n_, c_n_tile_, c_lane_, plan_.nr)
        .split(c_lane_, c_vector_, c_lane_, plan_.lanes)
        .reorder(c_lane_, c_vector_, c_row_, first, second, blocks_, batch_)
        .vectorize(c_lane_)
        .unroll(c_vector_)
        .unroll(c_row_);
}

// Its loops have names of their own: those of the first update are levels of computation.
void Build::schedule_rest() {
    const Var lane("rest_lane"), vector("rest_vector"), row("rest_row"), rows("rest_rows");
    block_.update(1)
        .split(m_, rows, row, plan_.mr)
        .split(n_, vector, lane, plan_.lanes)
        .reorder(lane, row, rest_, vector, rows, batch_)
        .vectorize(lane)
        .unroll(row);
}

// The register tile: all its accumulators, k outside of them.
void Build::schedule_tile() {
    tile_.compute_at(around_, plan_.order == "nm" ? inner_m_ : inner_n_)
        .bound_extent(n_, plan_.nr)
        .bound_extent(m_, plan_.mr)
        .bound_extent(batch_, 1)
        .vectorize(n_, plan_.lanes)
        .unroll(n_)
        .unroll(m_);
    if (blocked()) tile_.bound_extent(k_block_, 1);
    tile_.update().reorder(n_, m_, k_).vectorize(n_, plan_.lanes).unroll(n_).unroll(m_);
    if (plan_.k_unroll > 1) tile_.update().unroll(k_, plan_.k_unroll);
}

void Build::schedule_packing() {
    const int k_extent = as_int(shape_.k);
    const int panel_depth = blocked() ? plan_.kc : k_extent;
    if (plan_.copies_a()) {
        const bool panel = plan_.copy_a == "panel";
        const int depth = panel ? panel_depth : k_extent;
        if (panel)
            copy_a_.compute_at(around_, inner_m_);
        else
            copy_a_.compute_at(out_, m_level_);
        copy_a_.bound_extent(depth_, depth)
            .bound_extent(m_, plan_.mr * (panel ? 1 : plan_.m_tiles))
            .bound_extent(batch_, 1);
        if (depth >= plan_.lanes) copy_a_.vectorize(depth_, plan_.lanes, TailStrategy::ShiftInwards);
    }
    if (plan_.packs_b() && !ahead()) {
        const bool panel = plan_.pack_b == "panel";
        if (panel)
            packed_b_.compute_at(around_, inner_n_);
        else if (plan_.pack_b == "block")
            packed_b_.compute_at(out_, n_level_);
        else
            packed_b_.compute_root().parallel(panel_);
        if (plan_.pack_b != "whole")
            packed_b_.bound_extent(inside_, plan_.nr)
                .bound_extent(depth_, panel ? panel_depth : k_extent)
                .bound_extent(panel_, panel ? 1 : plan_.n_tiles)
                .bound_extent(batch_, 1);
        packed_b_.vectorize(inside_, plan_.lanes).unroll(inside_);
        // Rows of B read from end to end, or panels written from end to end.
        if (plan_.pack_order == "depth") packed_b_.reorder(panel_, depth_);
    }
}

Pipeline Build::stages() {
    Pipeline pipeline;
    pipeline.run.output = out_;
    pipeline.run.output_extents = shape_.output_extents();
    pipeline.run.inputs = {in_.a_buffer, ahead() ? ahead_b_ : in_.b_buffer};
    const std::vector<int64_t> packed{plan_.nr, shape_.k, b_panels(), shape_.b};
    pipeline.run.input_extents = {shape_.a_extents(), ahead() ? packed : shape_.b_extents()};
    epilogue_.append_to(pipeline.run);
    if (plan_.prefetch == "panel" && ahead()) {
        const int64_t run = int64_t{plan_.nr} * plan_.kc;
        pipeline.run.prefetches.emplace_back(
            PackedPrefetch{ahead_b_.name(), tile_.name(), {inner_m_.name()}, plan_.m_tiles, run, plan_.nr * shape_.k});
    } else if (plan_.prefetch == "panel") {
        pipeline.run.prefetches.emplace_back(PanelPrefetch{packed_b_.name(), tile_.name(), plan_.m_tiles, plan_.nr});
    }
    if (ahead()) {
        packed_b_.bound(inside_, 0, plan_.nr).vectorize(inside_, plan_.lanes).unroll(inside_);
        pipeline.pack = Stage{packed_b_, {in_.b_buffer}, {shape_.b_extents()}, packed};
    }
    return pipeline;
}

}  // namespace

Pipeline build_register_tile(const Problem& problem, const Schedule& schedule, const Target& target,
                             const Conditions&) {
    return Build(problem, schedule, target).pipeline();
}

}  // namespace tilesmith
