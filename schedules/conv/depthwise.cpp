// What and how of the template depthwise. `rows` x `columns` pixels times `vectors` vectors of channels are summed in
// registers; the taps of a kernel row are written out, so that neighbouring pixels share what they load. With several
// rows those of the kernel are written out too, row by row of the input: each is loaded once for all that use it.
//
// With channels "outer" all pixels of a panel of channels, some tiles wide, are summed before the next panel: from a
// dense copy of its input, or from where it lies. Where an input channel has several output channels, the copy has it
// as often.
//
// Fixed weights lie packed, all taps of a tile's channels together: in the plain layout the taps of many a layer are
// whole pages apart, as its pixels are, and share the sets of the first cache.
//
// No buffer is read or written outside. The last vector of channels starts earlier where it would stick out
// (ShiftInwards), and so do the last tiles of a row and of a column, except along axes that padding "skip" deals with:
// there, tiles at the edges read zeros instead of the input (Halide splits the loops over tiles into first, middle and
// last ones, and only those in the middle are free of tests); of tiles of one row, kernel rows outside the input are
// not computed.
#include "schedules/conv/depthwise.h"

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
using Halide::TailStrategy;
using Halide::Var;

class Build {
  public:
    Build(const Problem& problem, const Schedule& schedule, const Target& target, const Conditions& conditions)
        : problem_(problem),
          schedule_(schedule),
          shape_(merged(conv_shape(problem))),
          skips_(schedule.choice("padding") == kPadSkip),
          channels_outside_(schedule.choice("channels") == "outer"),
          copies_panel_(schedule.choice("copy_at") == "panel"),
          parallel_(conditions.threads > 1),
          lanes_(target.lanes(4)),
          rows_(as_int(schedule.number("rows"))),
          columns_(as_int(schedule.number("columns"))),
          row_block_(as_int(schedule.number("row_block"))),
          input_(shape_, copies_panel_ ? kPadSkip : schedule.choice("padding")) {
        while (lanes_ > shape_.co) lanes_ /= 2;
        tile_channels_ = as_int(schedule.number("vectors")) * lanes_;
        panel_channels_ = as_int(schedule.number("panel")) * tile_channels_;
        packed_ = problem.weights() == Weights::fixed && shape_.co % tile_channels_ == 0;
    }

    Pipeline pipeline() {
        define();
        schedule_output();
        schedule_tile();
        if (copies_panel_) schedule_panel();
        input_.schedule(out_, block_level_, schedule_.choice("copy_at"), int64_t{row_block_} * rows_, shape_.ow, lanes_,
                        parallel_);
        Pipeline pipeline;
        pipeline.run.output = out_;
        pipeline.run.output_extents = {shape_.co, shape_.ow, shape_.oh, shape_.n};
        const std::vector<int64_t> plain{shape_.co, shape_.kw, shape_.kh};
        const std::vector<int64_t> packed{tile_channels_, shape_.kw, shape_.kh, shape_.co / tile_channels_};
        pipeline.run.inputs = {input_.buffer(), packed_ ? packed_weight_input_ : weight_};
        pipeline.run.input_extents = {input_.extents(), packed_ ? packed : plain};
        epilogue_.append_to(pipeline.run);
        if (packed_) pipeline.pack = Stage{packed_weight_, {weight_}, {plain}, packed};
        return pipeline;
    }

  private:
    Expr pixel(const Expr& column, const Expr& row);
    Expr weight();
    void define();
    void schedule_output();
    void order_loops();
    void schedule_tile();
    void schedule_panel();

    const Problem& problem_;
    const Schedule& schedule_;
    ConvShape shape_;
    bool skips_, channels_outside_, copies_panel_, parallel_;
    bool packed_ = false;
    int lanes_, rows_, columns_;
    int row_block_;           // tiles
    int tile_channels_ = 1;   // channels of a tile
    int panel_channels_ = 1;  // of the tiles that are summed one after the other at the same pixels
    ConvInput input_;
    EpilogueInputs epilogue_;

    Var c_{"c"}, x_{"x"}, y_{"y"}, n_{"n"};
    Var panel_{"panel"}, channel_tile_{"channel_tile"}, vector_{"vector"}, x_tile_{"x_tile"}, column_{"column"},
        y_tile_{"y_tile"}, row_{"row"};
    Var row_block_loop_{"row_block"}, task_{"task"};
    RDom k_;
    Func panel_copy_{"panel_copy"}, packed_weight_{"packed_weight"}, tile_{"tile"}, out_{"out"};
    Halide::ImageParam weight_{Halide::Float(32), 3, "weight"};
    Halide::ImageParam packed_weight_input_{Halide::Float(32), 4, "packed_weight"};
    Var block_level_;
};

// The weight of channel c_ at a tap.
Expr Build::weight() {
    if (!packed_) return weight_(c_, k_.x, k_.y);
    packed_weight_(c_, x_, y_, channel_tile_) = weight_(channel_tile_ * tile_channels_ + c_, x_, y_);
    packed_weight_.bound(c_, 0, tile_channels_).vectorize(c_, lanes_).unroll(c_);
    return packed_weight_input_(c_ % tile_channels_, k_.x, k_.y, c_ / tile_channels_);
}

// The input in padded coordinates; where skipped padding is, some element of it.
Expr Build::pixel(const Expr& column, const Expr& row) {
    if (!copies_panel_) return input_.at(c_, column, row, n_);
    const Expr channel = shape_.group_co() == 1 ? Expr(c_) : c_ / as_int(shape_.group_co());
    if (!skips_) {
        const Expr inside = input_.column_inside(x_) && input_.row_inside(y_);
        panel_copy_(c_, x_, y_, n_) = Halide::select(Halide::likely(inside), input_.at(channel, x_, y_, n_), 0.0F);
        return panel_copy_(c_, column, row, n_);
    }
    const int first_column = as_int(shape_.pad_w), first_row = as_int(shape_.pad_h);
    panel_copy_(c_, x_, y_, n_) = input_.at(channel, x_ + first_column, y_ + first_row, n_);
    return panel_copy_(c_, Halide::clamp(Halide::likely(column - first_column), 0, as_int(shape_.w - 1)),
                       Halide::clamp(row - first_row, 0, as_int(shape_.h - 1)), n_);
}

void Build::define() {
    k_ = RDom(0, as_int(shape_.kw), 0, as_int(shape_.kh), "k");
    const Expr column = x_ * as_int(shape_.stride_w) + k_.x * as_int(shape_.dilation_w);
    const Expr row = y_ * as_int(shape_.stride_h) + k_.y * as_int(shape_.dilation_h);
    Expr value = pixel(column, row);
    if (skips_) {
        Expr inside = input_.column_inside(column);
        if (input_.skips_rows() && rows_ > 1)
            inside = inside && input_.row_inside(row);
        else if (input_.skips_rows())
            k_.where(input_.row_inside(row));
        value = Halide::select(Halide::likely(inside), value, 0.0F);
    }
    tile_(c_, x_, y_, n_) = 0.0F;
    tile_(c_, x_, y_, n_) += value * weight();
    epilogue_ = epilogue_inputs(problem_, {shape_.co, shape_.ow, shape_.oh, shape_.n});
    out_(c_, x_, y_, n_) = apply_epilogue(problem_, epilogue_, tile_(c_, x_, y_, n_), {c_, x_, y_, n_});
}

void Build::schedule_output() {
    const bool skips_rows = skips_ && input_.skips_rows();
    const TailStrategy x_tail = skips_ ? TailStrategy::GuardWithIf : TailStrategy::ShiftInwards;
    const TailStrategy y_tail = skips_rows ? TailStrategy::GuardWithIf : TailStrategy::ShiftInwards;
    out_.bound(c_, 0, as_int(shape_.co))
        .bound(x_, 0, as_int(shape_.ow))
        .bound(y_, 0, as_int(shape_.oh))
        .bound(n_, 0, as_int(shape_.n))
        .split(c_, panel_, c_, panel_channels_, tail(shape_.co, panel_channels_, TailStrategy::ShiftInwards))
        .split(c_, channel_tile_, c_, tile_channels_, TailStrategy::RoundUp)
        .split(c_, vector_, c_, lanes_, TailStrategy::RoundUp)
        .split(x_, x_tile_, column_, columns_, tail(shape_.ow, columns_, x_tail))
        .split(y_, y_tile_, row_, rows_, tail(shape_.oh, rows_, y_tail))
        .split(y_tile_, row_block_loop_, y_tile_, row_block_,
               tail(ceil_div(shape_.oh, rows_), row_block_, TailStrategy::GuardWithIf));
    order_loops();
    out_.vectorize(c_).unroll(vector_).unroll(column_).unroll(row_);
    // Only loops over tiles are worth having three times.
    out_.never_partition_all();
    if (skips_) out_.partition(x_tile_, Halide::Partition::Auto);
    if (skips_rows && rows_ > 1) out_.partition(y_tile_, Halide::Partition::Auto);
}

void Build::order_loops() {
    const std::string& channels = schedule_.choice("channels");
    std::vector<Halide::VarOrRVar> loops{c_, vector_, column_, row_, channel_tile_};
    if (channels == "inner") loops.insert(loops.end(), {panel_, x_tile_, y_tile_, row_block_loop_, n_});
    if (channels == "middle") loops.insert(loops.end(), {x_tile_, panel_, y_tile_, row_block_loop_, n_});
    if (channels_outside_) loops.insert(loops.end(), {x_tile_, y_tile_, row_block_loop_, panel_, n_});
    out_.reorder(loops);
    block_level_ = channels_outside_ ? panel_ : row_block_loop_;
    if (!parallel_) return;
    const Var tasks = channels_outside_ ? panel_ : row_block_loop_;
    out_.fuse(tasks, n_, task_).parallel(task_);
    block_level_ = task_;
}

void Build::schedule_tile() {
    tile_.compute_at(out_, channel_tile_)
        .bound_extent(c_, tile_channels_)
        .bound_extent(x_, columns_)
        .bound_extent(y_, rows_)
        .bound_extent(n_, 1)
        .vectorize(c_, lanes_)
        .unroll(c_)
        .unroll(x_)
        .unroll(y_);
    auto sum = tile_.update();
    // The rows of the tile inside those of the kernel: row r of the input is used at once by all that need it.
    sum.reorder(c_, x_, k_.x, y_, k_.y).vectorize(c_, lanes_).unroll(c_).unroll(x_).unroll(y_);
    // Twice what the space keeps tiles to: only a long kernel row, summed for one pixel and one vector, is beyond it.
    constexpr int64_t kMostUnrolledTaps = 240;
    if (columns_ * tile_channels_ / lanes_ * shape_.kw <= kMostUnrolledTaps) sum.unroll(k_.x);
    if (schedule_.flag("unroll_rows")) sum.unroll(k_.y);
}

// The input of one panel of channels, padded unless padding is skipped.
void Build::schedule_panel() {
    const int64_t columns = (shape_.ow - 1) * shape_.stride_w + (shape_.kw - 1) * shape_.dilation_w + 1;
    const int64_t rows = (shape_.oh - 1) * shape_.stride_h + (shape_.kh - 1) * shape_.dilation_h + 1;
    panel_copy_.compute_at(out_, block_level_)
        .bound_extent(c_, panel_channels_)
        .bound_extent(x_, as_int(skips_ ? shape_.w : columns))
        .bound_extent(y_, as_int(skips_ ? shape_.h : rows))
        .bound_extent(n_, 1)
        .vectorize(c_, lanes_)
        .unroll(c_);
}

}  // namespace

Pipeline build_depthwise(const Problem& problem, const Schedule& schedule, const Target& target,
                         const Conditions& conditions) {
    return Build(problem, schedule, target, conditions).pipeline();
}

}  // namespace tilesmith
