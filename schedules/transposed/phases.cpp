// The template phases: a transposed convolution as one small dense convolution for each phase of the stride.
//
// Outputs `stride` apart use the same taps of the kernel: a convolution of stride 1. Weights are packed by phase (with
// room for taps that some phases have not), and a register tile of `rows` x `columns` outputs of one phase by `vectors`
// vectors of channels runs over channels and taps. `padding` says what becomes of taps that fall outside of the input:
//   copy       the input is copied with zeros around it
//   skip_rows  kernel rows that fall outside are not computed; the input is copied with zeros beside its rows
//   skip       rows as above; the tiles of a row are unrolled, and each leaves out the taps that fall outside; where
//              tiles have several rows, those of a column are unrolled too
//
// Nothing is read outside of the copy or the input. Where channels do not fill their last vector, the output is
// guarded; where runs do not fill the output, they go to a grid of their own, which is copied.
#include "schedules/template_rows.h"

#include <Halide.h>

#include <algorithm>
#include <string>
#include <vector>

#include "schedules/blocks/epilogue.h"
#include "schedules/blocks/tail.h"
#include "schedules/blocks/tiling.h"
#include "schedules/conv/tile.h"
#include "schedules/pipeline.h"
#include "schedules/transposed/shape.h"

namespace tilesmith {
namespace {

TemplateId id() { return {"phases", 3}; }

using Halide::Expr;
using Halide::Func;
using Halide::ImageParam;
using Halide::RDom;
using Halide::TailStrategy;
using Halide::Var;

// One axis as the generated code sees it.
struct Axis {
    explicit Axis(const TransposedAxis& axis)
        : extent(as_int(axis.extent)),
          k(as_int(axis.k)),
          stride(as_int(axis.stride)),
          pad(as_int(axis.pad)),
          taps(as_int(axis.taps())) {}

    int extent, k, stride, pad, taps;

    // Of output `run * stride + place`: its first tap, whether it has tap `tap`, and where the copy holds what that
    // reads.
    [[nodiscard]] Expr phase(const Expr& place) const { return (place + pad) % stride; }
    [[nodiscard]] Expr has(const Expr& place, const Expr& tap) const { return phase(place) + tap * stride < k; }
    [[nodiscard]] Expr column(const Expr& run, const Expr& place, const Expr& tap) const {
        return element(run, place, tap) + (taps - 1);
    }
    // The input's element that the tap reads; outside of the input it counts as zero.
    [[nodiscard]] Expr element(const Expr& run, const Expr& place, const Expr& tap) const {
        return run + (place + pad) / stride - tap;
    }
    [[nodiscard]] Expr inside(const Expr& element) const { return element >= 0 && element < extent; }
    [[nodiscard]] Expr clamped(const Expr& element) const { return Halide::clamp(element, 0, extent - 1); }
};

class Build {
  public:
    Build(const Problem& problem, const Schedule& schedule, const Target& target, const Conditions& conditions)
        : problem_(problem),
          shape_(problem),
          rows_(shape_.h),
          columns_(shape_.w),
          lanes_(target.lanes(4)),
          vectors_(as_int(schedule.number("vectors"))),
          panel_(lanes_ * vectors_),
          tile_columns_(as_int(schedule.number("columns"))),
          tile_rows_(as_int(schedule.number("rows"))),
          unroll_(as_int(schedule.number("unroll"))),
          skips_rows_(skips_rows(schedule.choice("padding"))),
          skips_(schedule.choice("padding") == kPadSkip),
          order_(schedule.choice("order")),
          prefetches_(schedule.choice("prefetch") == "panel"),
          parallel_(conditions.threads > 1),
          ahead_(problem.weights() == Weights::fixed) {}

    Pipeline pipeline() {
        define();
        schedule_grid();
        schedule_copy();
        schedule_tile();
        schedule_copies();
        return stages();
    }

  private:
    void define();
    [[nodiscard]] Expr pixel();
    void schedule_grid();
    void schedule_copy();
    void schedule_tile();
    void schedule_copies();
    [[nodiscard]] PackedPrefetch prefetch() const;
    Pipeline stages();

    // Tiles of several rows that leave taps out: as of columns, all are written out.
    [[nodiscard]] bool all_written_out() const { return skips_ && tile_rows_ > 1; }
    // Whether the outputs of every phase are as many: then the output's axes are split into run and place.
    [[nodiscard]] bool whole_runs() const {
        return shape_.w.outputs() % shape_.w.stride == 0 && shape_.h.outputs() % shape_.h.stride == 0;
    }
    [[nodiscard]] std::vector<int64_t> grid_extents() const {
        return {shape_.co, shape_.w.stride, shape_.w.runs(), shape_.h.stride, shape_.h.runs(), shape_.n};
    }
    [[nodiscard]] std::vector<int64_t> packed_extents() const {
        return {panel_,
                shape_.ci,
                columns_.taps,
                rows_.taps,
                int64_t{columns_.stride} * rows_.stride,
                ceil_div(shape_.co, panel_)};
    }

    const Problem& problem_;
    TransposedShape shape_;
    Axis rows_, columns_;
    int lanes_, vectors_, panel_, tile_columns_, tile_rows_, unroll_;
    bool skips_rows_, skips_;  // skips_: columns too
    std::string order_;
    bool prefetches_;
    bool parallel_, ahead_;

    Var c_{"c"}, ox_{"ox"}, oy_{"oy"}, n_{"n"};
    Var run_x_{"run_x"}, run_y_{"run_y"}, place_x_{"place_x"}, place_y_{"place_y"}, x_tile_{"x_tile"},
        y_tile_{"y_tile"};
    Var lane_{"lane"}, vector_{"vector"}, panel_var_{"panel"}, task_{"task"};
    Var inside_{"inside"}, channel_{"channel"}, tap_x_{"tap_x"}, tap_y_{"tap_y"}, place_{"place"};
    RDom k_;
    ImageParam x_{Halide::Float(32), 4, "x"}, weight_{Halide::Float(32), 4, "weight"},
        ahead_weight_{Halide::Float(32), 6, "packed_weight"};
    Func padded_{"padded"}, packed_weight_{"packed_weight"}, tile_{"tile"}, grid_{"grid"}, out_{"out"};
    EpilogueInputs epilogue_;
    Var tile_level_;
};

void Build::define() {
    // The input with zeros around it, or beside its rows.
    const Expr column = ox_ - (columns_.taps - 1), row = skips_rows_ ? Expr(oy_) : oy_ - (rows_.taps - 1);
    const Expr inside = skips_rows_ ? columns_.inside(column) : columns_.inside(column) && rows_.inside(row);
    padded_(c_, ox_, oy_, n_) =
        Halide::select(inside, x_(c_, columns_.clamped(column), skips_rows_ ? row : rows_.clamped(row), n_), 0.0F);

    // The weights by phase, in the order of the outputs' places.
    const Expr co = panel_var_ * panel_ + inside_;
    const Expr kx = columns_.phase(place_ % columns_.stride) + tap_x_ * columns_.stride;
    const Expr ky = rows_.phase(place_ / columns_.stride) + tap_y_ * rows_.stride;
    packed_weight_(inside_, channel_, tap_x_, tap_y_, place_, panel_var_) =
        Halide::select(co < as_int(shape_.co) && kx < columns_.k && ky < rows_.k,
                       weight_(Halide::min(co, as_int(shape_.co - 1)), channel_, Halide::min(kx, columns_.k - 1),
                               Halide::min(ky, rows_.k - 1)),
                       0.0F);

    k_ = RDom(0, as_int(shape_.ci), 0, columns_.taps, 0, rows_.taps, "k");
    // Some phases have a tap less.
    if (columns_.k % columns_.stride != 0) k_.where(columns_.has(place_x_, k_.y));
    if (rows_.k % rows_.stride != 0) k_.where(rows_.has(place_y_, k_.z));
    const Expr place = place_y_ * columns_.stride + place_x_;
    const std::vector<Expr> at{c_ % panel_, k_.x, k_.y, k_.z, place, c_ / panel_};
    tile_(c_, place_x_, run_x_, place_y_, run_y_, n_) = 0.0F;
    tile_(c_, place_x_, run_x_, place_y_, run_y_, n_) += pixel() * (ahead_ ? ahead_weight_(at) : packed_weight_(at));

    const Expr sum = tile_(c_, place_x_, run_x_, place_y_, run_y_, n_);
    epilogue_ = epilogue_inputs(problem_, whole_runs() ? grid_extents() : shape_.output_extents());
    const auto finished = [&](const Expr& value, const std::vector<Expr>& position) {
        return apply_epilogue(problem_, epilogue_, value, position);
    };
    grid_(c_, place_x_, run_x_, place_y_, run_y_, n_) =
        whole_runs() ? finished(sum, {c_, place_x_, run_x_, place_y_, run_y_, n_}) : sum;
    if (whole_runs()) return;
    out_(c_, ox_, oy_, n_) =
        finished(grid_(c_, ox_ % columns_.stride, ox_ / columns_.stride, oy_ % rows_.stride, oy_ / rows_.stride, n_),
                 {c_, ox_, oy_, n_});
}

// What the sum reads of the input. Adds to k_ where it reads.
Expr Build::pixel() {
    const Expr row = rows_.element(run_y_, place_y_, k_.z);
    if (skips_rows_) k_.where(rows_.inside(row));
    if (!skips_) {
        const Expr in_copy = skips_rows_ ? rows_.clamped(row) : rows_.column(run_y_, place_y_, k_.z);
        return padded_(k_.x, columns_.column(run_x_, place_x_, k_.y), in_copy, n_);
    }
    const Expr column = columns_.element(run_x_, place_x_, k_.y);
    k_.where(columns_.inside(column));
    if (shape_.w.runs() % tile_columns_ != 0) k_.where(run_x_ < as_int(shape_.w.runs()));
    if (shape_.h.runs() % tile_rows_ != 0) k_.where(run_y_ < as_int(shape_.h.runs()));
    return x_(k_.x, columns_.clamped(Halide::likely(column)), rows_.clamped(row), n_);
}

void Build::schedule_grid() {
    const std::vector<int64_t> extents = grid_extents();
    const std::vector<Var> axes{c_, place_x_, run_x_, place_y_, run_y_, n_};
    for (size_t i = 0; i < axes.size(); ++i) grid_.bound(axes[i], 0, as_int(extents[i]));
    grid_.split(c_, vector_, lane_, lanes_, tail(shape_.co, lanes_, TailStrategy::Predicate))
        .split(vector_, panel_var_, vector_, vectors_,
               tail(ceil_div(shape_.co, lanes_), vectors_, TailStrategy::GuardWithIf))
        .split(run_x_, x_tile_, run_x_, tile_columns_, tail(shape_.w.runs(), tile_columns_, TailStrategy::GuardWithIf))
        .split(run_y_, y_tile_, run_y_, tile_rows_, tail(shape_.h.runs(), tile_rows_, TailStrategy::GuardWithIf));
    if (order_ == "pixels")
        grid_.reorder({lane_, vector_, run_x_, run_y_, panel_var_, x_tile_, place_x_, place_y_, y_tile_, n_});
    else if (order_ == "panels")
        grid_.reorder({lane_, vector_, run_x_, run_y_, x_tile_, y_tile_, place_x_, place_y_, n_, panel_var_});
    else
        grid_.reorder({lane_, vector_, run_x_, run_y_, x_tile_, place_x_, place_y_, y_tile_, n_, panel_var_});
    tile_level_ = order_ == "pixels" ? panel_var_ : x_tile_;
    grid_.vectorize(lane_).unroll(vector_).unroll(run_x_).unroll(run_y_);
    if (skips_) grid_.unroll(x_tile_).unroll(place_x_);
    if (all_written_out()) grid_.unroll(y_tile_).unroll(place_y_);
    grid_.never_partition_all();
    if (!parallel_) return;
    if (order_ == "panels") {
        grid_.parallel(panel_var_);
        return;
    }
    grid_.fuse(y_tile_, n_, task_);
    if (order_ == "nested") grid_.fuse(task_, panel_var_, task_);
    grid_.parallel(task_);
}

// Where runs do not fill the output: a copy of what they do fill.
void Build::schedule_copy() {
    if (whole_runs()) return;
    grid_.compute_root();
    out_.bound(c_, 0, as_int(shape_.co))
        .bound(ox_, 0, as_int(shape_.w.outputs()))
        .bound(oy_, 0, as_int(shape_.h.outputs()))
        .bound(n_, 0, as_int(shape_.n));
    if (shape_.co >= lanes_) out_.vectorize(c_, lanes_, TailStrategy::ShiftInwards);
    if (parallel_) out_.fuse(oy_, n_, task_).parallel(task_);
}

void Build::schedule_tile() {
    tile_.compute_at(grid_, tile_level_)
        .bound_extent(c_, panel_)
        .bound_extent(run_x_, tile_columns_)
        .bound_extent(run_y_, tile_rows_)
        .bound_extent(place_x_, 1)
        .bound_extent(place_y_, 1)
        .bound_extent(n_, 1)
        .vectorize(c_, lanes_)
        .unroll(c_)
        .unroll(run_x_)
        .unroll(run_y_);
    tile_.update()
        .reorder({c_, run_x_, run_y_, k_.x, k_.y, k_.z, place_x_, place_y_, n_})
        .vectorize(c_, lanes_)
        .unroll(c_)
        .unroll(run_x_)
        .unroll(run_y_);
    if (skips_) tile_.update().unroll(k_.y);
    if (all_written_out()) tile_.update().unroll(k_.z);
    if (unroll_ > 1) tile_.update().unroll(k_.x, unroll_);
}

void Build::schedule_copies() {
    if (!skips_) {
        padded_.compute_root();
        if (shape_.ci >= lanes_) padded_.vectorize(c_, lanes_, TailStrategy::ShiftInwards);
        if (parallel_) padded_.fuse(oy_, n_, task_).parallel(task_);
    }
    packed_weight_.vectorize(inside_, lanes_).unroll(inside_);
    if (ahead_) {
        packed_weight_.bound(inside_, 0, panel_);
        return;
    }
    packed_weight_.compute_root();
    if (parallel_) packed_weight_.fuse(place_, panel_var_, task_).parallel(task_);
}

PackedPrefetch Build::prefetch() const {
    const int64_t y_tiles = all_written_out() ? 1 : ceil_div(shape_.h.runs(), tile_rows_);
    const int64_t x_tiles = skips_ ? 1 : ceil_div(shape_.w.runs(), tile_columns_);
    const int64_t run = int64_t{panel_} * shape_.ci;
    return {ahead_weight_.name(),      tile_.name(), {y_tile_.name(), x_tile_.name()},
            as_int(y_tiles * x_tiles), run,          run * columns_.taps * rows_.taps};
}

Pipeline Build::stages() {
    Pipeline pipeline;
    pipeline.run.output = whole_runs() ? grid_ : out_;
    pipeline.run.output_extents = whole_runs() ? grid_extents() : shape_.output_extents();
    pipeline.run.inputs = {x_, ahead_ ? ahead_weight_ : weight_};
    pipeline.run.input_extents = {shape_.input_extents(), ahead_ ? packed_extents() : shape_.weight_extents()};
    epilogue_.append_to(pipeline.run);
    if (prefetches_) pipeline.run.prefetches.emplace_back(prefetch());
    if (ahead_) pipeline.pack = Stage{packed_weight_, {weight_}, {shape_.weight_extents()}, packed_extents()};
    return pipeline;
}

bool applies(const Problem&, const Target&) { return true; }

int64_t weight_bytes(const TransposedShape& shape) { return shape.co * shape.ci * shape.h.k * shape.w.k * 4; }

// Multiply-adds of vectors that `skip` writes out: those of all tiles of a row.
int64_t written_out(const TransposedShape& shape, int64_t vectors) {
    return shape.w.stride * shape.w.runs() * shape.w.taps() * vectors;
}

// The same where all rows are written out too.
int64_t written_out_in_all(const TransposedShape& shape, int64_t vectors) {
    return written_out(shape, vectors) * shape.h.stride * shape.h.runs() * shape.h.taps();
}

Space space(const Problem& problem, const Target& target, const Conditions& conditions) {
    constexpr int64_t kMostUnrolled = 240;
    const TransposedShape shape(problem);
    std::vector<Decision> decisions;
    decisions.push_back(
        {"vectors", [=](const Schedule&) { return values_of(tile_vectors(shape.co, target.lanes(4))); }});
    decisions.push_back({"columns", [=](const Schedule& s) {
                             return values_of(tile_rows(shape.w.runs(), s.number("vectors"), target));
                         }});
    decisions.push_back({"padding", [=](const Schedule& s) {
                             std::vector<std::string> choices{kPadCopy};
                             // As with convolutions (can_skip_rows), a kernel of one row cannot be skipped.
                             if (shape.h.taps() > 1) choices.push_back(kPadSkipRows);
                             if (shape.h.taps() > 1 && written_out(shape, s.number("vectors")) <= kMostUnrolled)
                                 choices.push_back(kPadSkip);
                             return texts(choices);
                         }});
    decisions.push_back({"rows", [=](const Schedule& s) {
                             const bool several = s.choice("padding") == kPadSkip &&
                                                  written_out_in_all(shape, s.number("vectors")) <= kMostAllWrittenOut;
                             std::vector<int64_t> counts{1};
                             for (int64_t rows = 2; several && rows <= shape.h.runs(); ++rows)
                                 if (tile_fits_registers(rows * s.number("columns"), s.number("vectors"), target))
                                     counts.push_back(rows);
                             return values_of(counts);
                         }});
    decisions.push_back({"unroll", [=](const Schedule& s) {
                             // Where tiles are written out, all of them: at most four times what one loop's body may
                             // be.
                             constexpr int64_t kBodies = 4;
                             const int64_t vectors = s.number("vectors");
                             const int64_t bodies = s.number("rows") > 1 ? written_out_in_all(shape, vectors)
                                                                         : written_out(shape, vectors);
                             const bool skips = s.choice("padding") == kPadSkip;
                             const int64_t body = skips ? ceil_div(bodies, kBodies) : vectors * s.number("columns");
                             return values_of(unroll_factors(shape.ci, body));
                         }});
    // The outer loop, which is also the parallel one; "nested" shares both out, panels outside.
    const bool parallel = conditions.threads > 1;
    decisions.push_back({"order", [parallel](const Schedule& s) {
                             if (s.number("rows") > 1) return texts({"panels"});
                             return parallel ? texts({"panels", "pixels", "nested"}) : texts({"panels", "pixels"});
                         }});
    // The weights that come next, in the order in which the phases of a panel follow each other.
    const bool fixed = problem.weights() == Weights::fixed;
    decisions.push_back({"prefetch", [=](const Schedule& s) {
                             const bool pays =
                                 fixed && s.choice("order") == "panels" && weight_bytes(shape) > target.l1_bytes;
                             return pays ? texts({"no", "panel"}) : texts({"no"});
                         }});
    return {id(), decisions};
}

Schedule worked_out(const Problem& problem, const Target& target, const Conditions& conditions) {
    const TransposedShape shape(problem);
    // Where weights come from beyond the second cache, all outputs of a phase are summed while they pass by once.
    const bool once = weight_bytes(shape) > target.l2_bytes && written_out_in_all(shape, 1) <= kMostAllWrittenOut &&
                      tile_fits_registers(shape.h.runs() * shape.w.runs(), 1, target) &&
                      ceil_div(shape.co, target.lanes(4)) >= conditions.threads;
    Schedule wish(id());
    wish.set("vectors", int64_t{once ? 1 : 2}).set("columns", once ? shape.w.runs() : 6).set("padding", kPadSkip);
    wish.set("rows", once ? shape.h.runs() : 1);
    const bool few_panels = ceil_div(shape.co, 2 * target.lanes(4)) < conditions.threads;
    wish.set("unroll", int64_t{once ? 1 : 4}).set("order", few_panels ? "nested" : "panels").set("prefetch", "no");
    return *space(problem, target, conditions).repair(wish);
}

Pipeline build(const Problem& problem, const Schedule& schedule, const Target& target, const Conditions& conditions) {
    return Build(problem, schedule, target, conditions).pipeline();
}

}  // namespace

Template phases_template() {
    return {id(),
            "a small dense convolution for each phase of the stride",
            {"conv2d_transposed"},
            applies,
            space,
            worked_out,
            build};
}

}  // namespace tilesmith
