// What and how of the template direct. `rows` x `columns` pixels times `vectors` vectors of output channels are summed
// in registers over all taps and input channels, while panels of packed weights (one vector after the other, in the
// order in which the sum runs) pass by.
//
// No buffer is read or written outside. Where tiles do not divide the pixels, the last tile starts earlier and computes
// some a second time (ShiftInwards; no tile is longer than its axis). Panels are padded with zeros; the output is
// guarded.
#include "schedules/conv/direct.h"

#include <string>
#include <utility>
#include <vector>

#include "schedules/blocks/epilogue.h"
#include "schedules/blocks/tail.h"
#include "schedules/blocks/tiling.h"
#include "schedules/conv/input.h"
#include "schedules/conv/tile.h"

namespace tilesmith {
namespace {

using Halide::Expr;
using Halide::Func;
using Halide::RDom;
using Halide::RVar;
using Halide::TailStrategy;
using Halide::Var;

class Build {
  public:
    Build(const Problem& problem, const Schedule& schedule, const Target& target, const Conditions& conditions)
        : problem_(problem),
          schedule_(schedule),
          padding_(schedule.choice("padding")),
          shape_(as_read(merged(conv_shape(problem)), padding_)),
          run_(schedule.choice("taps") == "run"),
          packed_((problem.weights() == Weights::fixed) || schedule.flag("pack")),
          parallel_(conditions.threads > 1),
          lanes_(target.lanes(4)),
          vectors_(as_int(schedule.number("vectors"))),
          rows_(as_int(schedule.number("rows"))),
          columns_(as_int(schedule.number("columns"))),
          run_length_(as_int(shape_.group_ci() * (run_ ? shape_.kw : 1))),
          taps_(as_int(run_ ? 1 : shape_.kw)),
          input_(merged(conv_shape(problem)), padding_),
          weight_(Halide::Float(32), shape_.capsules > 1 ? 6 : 5, "weight") {}

    Pipeline pipeline() {
        define_weights();
        define();
        schedule_output();
        schedule_tile();
        input_.schedule(out_, block_level_, schedule_.choice("copy_at"), block_rows(), block_columns(), lanes_,
                        parallel_);
        return stages();
    }

  private:
    void define_weights();
    void define();
    void schedule_output();
    void order_loops();
    void schedule_tile();
    [[nodiscard]] PackedPrefetch prefetch() const;
    Pipeline stages();

    [[nodiscard]] int panel() const { return vectors_ * lanes_; }
    [[nodiscard]] int64_t panels() const { return ceil_div(shape_.group_co(), panel()); }
    [[nodiscard]] int64_t planes() const { return shape_.n * shape_.od; }  // of the output
    [[nodiscard]] bool skips() const { return padding_ == kPadSkip; }
    [[nodiscard]] ConvTile tile() const { return {padding_, vectors_, rows_, columns_}; }
    [[nodiscard]] bool all_written_out() const { return tile().all_written_out(); }
    [[nodiscard]] bool taps_inside() const { return schedule_.choice("taps") == "inner"; }
    // Whether the weights of unrolled taps lie side by side. Where a tile of several rows reads them once, each tap has
    // a stream of its own: what fetches ahead from the third cache, page by page, then has more time for each.
    [[nodiscard]] bool taps_together() const { return taps_inside() && !all_written_out(); }
    [[nodiscard]] int pixel_block() const { return as_int(schedule_.number("pixel_block")); }
    [[nodiscard]] int block_rows() const { return shape_.oh > 1 ? pixel_block() * rows_ : 1; }
    [[nodiscard]] int block_columns() const { return shape_.oh > 1 ? as_int(shape_.ow) : pixel_block() * columns_; }
    [[nodiscard]] int64_t kernel_rows() const { return shape_.kd * shape_.kh; }  // of all planes
    [[nodiscard]] int64_t weight_groups() const { return shape_.capsules > 1 ? 1 : shape_.groups; }
    [[nodiscard]] std::vector<int64_t> weight_extents() const {
        if (shape_.capsules > 1)
            return {capsule_co(), capsule_ci(), shape_.capsules, shape_.capsules, taps_, kernel_rows()};
        return {shape_.group_co(), shape_.groups, run_length_, taps_, kernel_rows()};
    }
    [[nodiscard]] std::vector<int64_t> packed_extents() const {
        const int64_t first = taps_together() ? taps_ : run_length_;
        return {panel(), first, taps_together() ? run_length_ : taps_, kernel_rows(), panels(), weight_groups()};
    }
    [[nodiscard]] int64_t capsule_ci() const { return shape_.group_ci() / shape_.capsules; }
    [[nodiscard]] int64_t capsule_co() const { return shape_.group_co() / shape_.capsules; }
    // The plane of its volume, counted from the first that is no padding, that kernel plane k_.w reads.
    [[nodiscard]] Expr depth() const;
    // A weight where it lies in the argument: of an output channel (in its group) and of the sum's position.
    [[nodiscard]] Expr plain_weight(const Expr& channel, const Expr& group, const Expr& at, const Expr& tap,
                                    const Expr& row) const;
    // The same for the sum, wherever weights are packed.
    [[nodiscard]] Expr weight(const Expr& channel, const Expr& group, const Expr& at, const Expr& tap, const Expr& row);

    const Problem& problem_;
    const Schedule& schedule_;
    std::string padding_;
    ConvShape shape_;  // as the sums see it
    bool run_;         // the taps of a kernel row and their channels are one axis
    bool packed_;      // beforehand or at the start of each call
    bool parallel_;
    int lanes_, vectors_, rows_, columns_;
    int run_length_, taps_;
    ConvInput input_;
    EpilogueInputs epilogue_;

    Var c_{"c"}, g_{"g"}, x_{"x"}, y_{"y"}, n_{"n"};
    Var vector_{"vector"}, lane_{"lane"}, column_{"column"}, row_{"row"};
    Var panel_{"panel"}, x_tile_{"x_tile"}, y_tile_{"y_tile"};
    Var panel_block_{"panel_block"}, pixel_block_{"pixel_block"}, task_{"task"};
    Var inside_{"inside"}, k0_{"k0"}, k1_{"k1"}, kernel_row_{"kernel_row"};
    RDom k_;
    Func packed_weight_{"packed_weight"}, tile_{"tile"}, out_{"out"};
    Halide::ImageParam weight_;
    Halide::ImageParam packed_weight_input_{Halide::Float(32), 6, "packed_weight"};
    Var tile_level_, block_level_;
};

// Channels (in a group) to panels, in the order in which the sum of a tile reads them; zeros after the last channel.
void Build::define_weights() {
    const Expr at = taps_together() ? k1_ : k0_;
    const Expr tap = taps_together() ? k0_ : k1_;
    const Expr channel = panel_ * panel() + inside_;
    if (shape_.group_co() % panel() == 0) {
        packed_weight_(inside_, k0_, k1_, kernel_row_, panel_, g_) = plain_weight(channel, g_, at, tap, kernel_row_);
        return;
    }
    const int last = as_int(shape_.group_co() - 1);
    packed_weight_(inside_, k0_, k1_, kernel_row_, panel_, g_) =
        Halide::select(channel <= last, plain_weight(Halide::min(channel, last), g_, at, tap, kernel_row_), 0.0F);
}

// Capsules of the input and of the output are the middle axes of the argument.
Expr Build::plain_weight(const Expr& channel, const Expr& group, const Expr& at, const Expr& tap,
                         const Expr& row) const {
    if (shape_.capsules == 1) return weight_(channel, group, at, tap, row);
    const int co = as_int(capsule_co());
    const int ci = as_int(capsule_ci());
    return weight_(channel % co, at % ci, channel / co, at / ci, tap, row);
}

Expr Build::weight(const Expr& channel, const Expr& group, const Expr& at, const Expr& tap, const Expr& row) {
    if (!packed_) return plain_weight(channel, group, at, tap, row);
    const std::vector<Expr> position{channel % panel(),          taps_together() ? tap : at,
                                     taps_together() ? at : tap, row,
                                     channel / panel(),          shape_.capsules > 1 ? Expr(0) : group};
    if (problem_.weights() == Weights::fixed) return packed_weight_input_(position);
    return packed_weight_(position);
}

Expr Build::depth() const {
    const Expr output_plane = shape_.n == 1 ? Expr(n_) : Expr(n_ % as_int(shape_.od));
    return output_plane * as_int(shape_.stride_d) + k_.w * as_int(shape_.dilation_d) - as_int(shape_.pad_d);
}

void Build::define() {
    k_ = RDom(0, run_length_, 0, taps_, 0, as_int(shape_.kh), 0, as_int(shape_.kd), "k");
    const Expr row = y_ * as_int(shape_.stride_h) + k_.z * as_int(shape_.dilation_h);
    const Expr column = x_ * as_int(shape_.stride_w) + k_.y * as_int(shape_.dilation_w);
    const Expr channel = g_ * as_int(shape_.group_ci()) + k_.x;
    if (input_.skips_rows()) k_.where(input_.row_inside(row));
    if (skips()) {
        k_.where(input_.column_inside(column));
        if (shape_.ow % columns_ != 0) k_.where(x_ < as_int(shape_.ow));
        if (shape_.oh % rows_ != 0) k_.where(y_ < as_int(shape_.oh));
    }
    Expr pixel = input_.at(channel, column, row, n_);
    if (!shape_.flat()) {
        const int last = as_int(shape_.d - 1);
        const Expr inside = depth() >= 0 && depth() <= last;
        const Expr first = shape_.n == 1 ? Expr(0) : Expr(n_ / as_int(shape_.od) * as_int(shape_.d));
        pixel =
            input_.at(channel, column, row, first + (shape_.pads_planes() ? Halide::clamp(depth(), 0, last) : depth()));
        // As with rows (can_skip_rows), a kernel of one plane cannot be skipped.
        if (shape_.pads_planes() && shape_.kd > 1) k_.where(inside);
        if (shape_.pads_planes() && shape_.kd == 1) pixel = Halide::select(inside, pixel, 0.0F);
    }
    tile_(c_, g_, x_, y_, n_) = 0.0F;
    tile_(c_, g_, x_, y_, n_) += pixel * weight(c_, g_, k_.x, k_.y, k_.z + k_.w * as_int(shape_.kh));

    epilogue_ = epilogue_inputs(problem_, {shape_.co, shape_.ow, shape_.oh, planes()});
    const Expr co = shape_.groups == 1 ? Expr(c_) : Expr(g_ * as_int(shape_.group_co()) + c_);
    out_(c_, g_, x_, y_, n_) = apply_epilogue(problem_, epilogue_, tile_(c_, g_, x_, y_, n_), {co, x_, y_, n_});
}

void Build::schedule_output() {
    const TailStrategy y_tail = all_written_out() ? TailStrategy::GuardWithIf : TailStrategy::ShiftInwards;
    const TailStrategy x_tail = skips() ? TailStrategy::GuardWithIf : TailStrategy::ShiftInwards;
    out_.bound(c_, 0, as_int(shape_.group_co()))
        .bound(g_, 0, as_int(shape_.groups))
        .bound(x_, 0, as_int(shape_.ow))
        .bound(y_, 0, as_int(shape_.oh))
        .bound(n_, 0, as_int(planes()))
        .split(c_, vector_, lane_, lanes_, tail(shape_.group_co(), lanes_, TailStrategy::Predicate))
        .split(vector_, panel_, vector_, vectors_,
               tail(ceil_div(shape_.group_co(), lanes_), vectors_, TailStrategy::GuardWithIf))
        .split(panel_, panel_block_, panel_, as_int(schedule_.number("panel_block")), TailStrategy::GuardWithIf)
        .split(x_, x_tile_, column_, columns_, tail(shape_.ow, columns_, x_tail))
        .split(y_, y_tile_, row_, rows_, tail(shape_.oh, rows_, y_tail));
    // With one row of pixels (a matmul, conv1d) the blocks are made of its tiles.
    const Var blocked = shape_.oh > 1 ? y_tile_ : x_tile_;
    out_.split(blocked, pixel_block_, blocked, pixel_block(), TailStrategy::GuardWithIf);
    order_loops();
    out_.vectorize(lane_).unroll(vector_).unroll(column_).unroll(row_);
    if (skips()) out_.unroll(x_tile_);
    if (all_written_out()) out_.unroll(y_tile_);
    out_.never_partition_all();
    if (padding_ == kPadEdges) out_.partition(x_tile_, Halide::Partition::Auto);
}

void Build::order_loops() {
    const bool panels_innermost = schedule_.choice("inner") == "panels";
    std::vector<Halide::VarOrRVar> loops{lane_, vector_, column_, row_};
    if (panels_innermost)
        loops.insert(loops.end(), {panel_, x_tile_, y_tile_});
    else
        loops.insert(loops.end(), {x_tile_, y_tile_, panel_});
    tile_level_ = panels_innermost ? panel_ : x_tile_;
    const std::string& order = schedule_.choice("order");
    if (order == "pixels")
        loops.insert(loops.end(), {panel_block_, g_, pixel_block_, n_});
    else
        loops.insert(loops.end(), {pixel_block_, n_, panel_block_, g_});
    out_.reorder(loops);
    block_level_ = pixel_block_;
    if (!parallel_) return;
    if (order == "pixels") {
        out_.fuse(pixel_block_, n_, task_).parallel(task_);
        block_level_ = task_;
    } else if (order == "panels") {
        out_.fuse(panel_block_, g_, task_).parallel(task_);
    } else {
        const Var pixel_task("pixel_task"), panel_task("panel_task");
        out_.fuse(pixel_block_, n_, pixel_task).fuse(panel_block_, g_, panel_task);
        out_.fuse(pixel_task, panel_task, task_).parallel(task_);
        block_level_ = task_;
    }
}

// The accumulators: in registers from the first product to the last.
void Build::schedule_tile() {
    tile_.compute_at(out_, tile_level_)
        .bound_extent(c_, panel())
        .bound_extent(g_, 1)
        .bound_extent(x_, columns_)
        .bound_extent(y_, rows_)
        .bound_extent(n_, 1)
        .vectorize(c_, lanes_)
        .unroll(c_)
        .unroll(x_)
        .unroll(y_);
    auto sum = tile_.update();
    const RVar at = k_.x;
    const RVar tap = k_.y;
    const RVar row = k_.z;
    const RVar kernel_plane = k_.w;
    if (taps_inside())
        sum.reorder(c_, x_, y_, tap, at, row, kernel_plane);
    else
        sum.reorder(c_, x_, y_, at, tap, row, kernel_plane);
    sum.vectorize(c_, lanes_).unroll(c_).unroll(x_).unroll(y_);
    if (taps_inside() || skips()) sum.unroll(tap);
    if (all_written_out()) sum.unroll(row);
    const int unroll = as_int(schedule_.number("unroll"));
    if (unroll > 1) sum.unroll(at, unroll);
}

PackedPrefetch Build::prefetch() const {
    const int64_t run = int64_t{panel()} * run_length_ * (taps_inside() ? taps_ : 1);
    // Tiles of loops; those that are written out are found in the code.
    const int64_t rows = shape_.oh > 1 && !all_written_out() ? pixel_block() : 1;
    const int64_t row_tiles = skips() ? 1 : ceil_div(shape_.ow, columns_);
    const int64_t columns = shape_.oh > 1 || skips() ? row_tiles : pixel_block();
    return {packed_weight_input_.name(), tile_.name(), {y_tile_.name(), x_tile_.name()},
            as_int(rows * columns),      run,          int64_t{panel()} * run_length_ * taps_ * kernel_rows()};
}

Pipeline Build::stages() {
    const bool ahead = problem_.weights() == Weights::fixed;
    if (packed_) {
        packed_weight_.vectorize(inside_, lanes_).unroll(inside_);
        if (!ahead) packed_weight_.compute_root();
        if (!ahead && parallel_) packed_weight_.fuse(panel_, g_, panel_).parallel(panel_);
    }
    Pipeline pipeline;
    pipeline.run.output = out_;
    pipeline.run.output_extents = {shape_.group_co(), shape_.groups, shape_.ow, shape_.oh, planes()};
    pipeline.run.inputs = {input_.buffer(), ahead ? packed_weight_input_ : weight_};
    pipeline.run.input_extents = {input_.extents(), ahead ? packed_extents() : weight_extents()};
    epilogue_.append_to(pipeline.run);
    if (schedule_.choice("prefetch") == "panel") pipeline.run.prefetches.emplace_back(prefetch());
    if (schedule_.choice("prefetch") == "pixels")
        pipeline.run.prefetches.emplace_back(
            NextTilePrefetch{input_.buffer().name(), tile_.name(), columns_ * shape_.ci});
    if (schedule_.flag("prefetch_output")) pipeline.run.prefetches.emplace_back(OutputPrefetch{tile_.name()});
    if (ahead) {
        packed_weight_.bound(inside_, 0, panel());
        pipeline.pack = Stage{packed_weight_, {weight_}, {weight_extents()}, packed_extents()};
    }
    return pipeline;
}

}  // namespace

Pipeline build_direct(const Problem& problem, const Schedule& schedule, const Target& target,
                      const Conditions& conditions) {
    return Build(problem, schedule, target, conditions).pipeline();
}

}  // namespace tilesmith
