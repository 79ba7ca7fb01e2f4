// What and how of the template depthwise. `rows` x `columns` pixels times `vectors` vectors of channels are summed in
// registers; the taps of a kernel row are written out, so that neighbouring pixels share what they load. With several
// rows those of the kernel are written out too, row by row of the input: each is loaded once for all that use it.
//
// Where an input channel has several output channels, the copy of a panel of channels has it as often.
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
          parallel_(conditions.threads > 1),
          lanes_(target.lanes(4)),
          rows_(as_int(schedule.number("rows"))),
          columns_(as_int(schedule.number("columns"))),
          row_block_(as_int(schedule.number("row_block"))),
          input_(shape_, channels_outside_ ? kPadSkip : schedule.choice("padding")) {
        while (lanes_ > shape_.co) lanes_ /= 2;
        panel_extent_ = as_int(schedule.number("vectors")) * lanes_;
    }

    Pipeline pipeline() {
        define();
        schedule_output();
        schedule_tile();
        if (channels_outside_) schedule_panel();
        input_.schedule(out_, block_level_, schedule_.choice("copy_at"), int64_t{row_block_} * rows_, shape_.ow, lanes_,
                        parallel_);
        Pipeline pipeline;
        pipeline.run.output = out_;
        pipeline.run.output_extents = {shape_.co, shape_.ow, shape_.oh, shape_.n};
        pipeline.run.inputs = {input_.buffer(), weight_};
        pipeline.run.input_extents = {input_.extents(), {shape_.co, shape_.kw, shape_.kh}};
        epilogue_.append_to(pipeline.run);
        return pipeline;
    }

  private:
    void define();
    void schedule_output();
    void order_loops();
    void schedule_tile();
    void schedule_panel();

    const Problem& problem_;
    const Schedule& schedule_;
    ConvShape shape_;
    bool skips_, channels_outside_, parallel_;
    int lanes_, rows_, columns_;
    int row_block_;         // tiles
    int panel_extent_ = 1;  // channels of a tile
    ConvInput input_;
    EpilogueInputs epilogue_;

    Var c_{"c"}, x_{"x"}, y_{"y"}, n_{"n"};
    Var panel_{"panel"}, vector_{"vector"}, x_tile_{"x_tile"}, column_{"column"}, y_tile_{"y_tile"}, row_{"row"};
    Var row_block_loop_{"row_block"}, task_{"task"};
    RDom k_;
    Func panel_copy_{"panel_copy"}, tile_{"tile"}, out_{"out"};
    Halide::ImageParam weight_{Halide::Float(32), 3, "weight"};
    Var tile_level_, block_level_;
};

void Build::define() {
    k_ = RDom(0, as_int(shape_.kw), 0, as_int(shape_.kh), "k");
    const Expr column = x_ * as_int(shape_.stride_w) + k_.x * as_int(shape_.dilation_w);
    const Expr row = y_ * as_int(shape_.stride_h) + k_.y * as_int(shape_.dilation_h);
    Expr value;
    if (channels_outside_) {
        // In padded coordinates.
        const Expr inside = input_.column_inside(x_) && input_.row_inside(y_);
        const Expr channel = shape_.group_co() == 1 ? Expr(c_) : c_ / as_int(shape_.group_co());
        panel_copy_(c_, x_, y_, n_) = Halide::select(Halide::likely(inside), input_.at(channel, x_, y_, n_), 0.0F);
        value = panel_copy_(c_, column, row, n_);
    } else {
        Expr inside = input_.column_inside(column);
        if (input_.skips_rows() && rows_ > 1)
            inside = inside && input_.row_inside(row);
        else if (input_.skips_rows())
            k_.where(input_.row_inside(row));
        value = input_.at(c_, column, row, n_);
        if (skips_) value = Halide::select(Halide::likely(inside), value, 0.0F);
    }
    tile_(c_, x_, y_, n_) = 0.0F;
    tile_(c_, x_, y_, n_) += value * weight_(c_, k_.x, k_.y);
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
        .split(c_, panel_, c_, panel_extent_, tail(shape_.co, panel_extent_, TailStrategy::ShiftInwards))
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
    std::vector<Halide::VarOrRVar> loops{c_, vector_, column_, row_};
    if (channels == "inner") loops.insert(loops.end(), {panel_, x_tile_, y_tile_, row_block_loop_, n_});
    if (channels == "middle") loops.insert(loops.end(), {x_tile_, panel_, y_tile_, row_block_loop_, n_});
    if (channels_outside_) loops.insert(loops.end(), {x_tile_, y_tile_, row_block_loop_, panel_, n_});
    out_.reorder(loops);
    tile_level_ = channels == "inner" ? panel_ : x_tile_;
    block_level_ = channels_outside_ ? panel_ : row_block_loop_;
    if (!parallel_) return;
    const Var tasks = channels_outside_ ? panel_ : row_block_loop_;
    out_.fuse(tasks, n_, task_).parallel(task_);
    block_level_ = task_;
}

void Build::schedule_tile() {
    tile_.compute_at(out_, tile_level_)
        .bound_extent(c_, panel_extent_)
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
    if (columns_ * panel_extent_ / lanes_ * shape_.kw <= kMostUnrolledTaps) sum.unroll(k_.x);
    if (schedule_.flag("unroll_rows")) sum.unroll(k_.y);
}

// The padded input of one panel of channels.
void Build::schedule_panel() {
    panel_copy_.compute_at(out_, block_level_)
        .bound_extent(c_, panel_extent_)
        .bound_extent(x_, as_int((shape_.ow - 1) * shape_.stride_w + (shape_.kw - 1) * shape_.dilation_w + 1))
        .bound_extent(y_, as_int((shape_.oh - 1) * shape_.stride_h + (shape_.kh - 1) * shape_.dilation_h + 1))
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
