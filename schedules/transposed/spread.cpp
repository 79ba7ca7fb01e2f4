// The template spread: a transposed convolution as one matmul of the pixels with all taps, whose products the outputs
// then gather. For few output channels: taps and channels together fill vectors that channels alone do not.
//
// The products of every pixel are stored once, [pixel, tap, channel], whole panels of them; the last
// tile of pixels starts earlier. Outputs read only products of pixels that exist.
#include <Halide.h>

#include <vector>

#include "schedules/blocks/epilogue.h"
#include "schedules/blocks/tail.h"
#include "schedules/blocks/tiling.h"
#include "schedules/pipeline.h"
#include "schedules/template_rows.h"
#include "schedules/transposed/shape.h"

namespace tilesmith {
namespace {

using Halide::Expr;
using Halide::Func;
using Halide::TailStrategy;
using Halide::Var;

constexpr int64_t kFewChannels = 16;
constexpr int64_t kMostOutputs = 32;  // outputs of one run, unrolled
constexpr int64_t kMostTaps = 64;     // of an output: each is written out
constexpr int64_t kMostProductBytes = 1 << 28;
constexpr int64_t kTasksPerThread = 4;

TemplateId id() { return {"spread", 1}; }

// Products of one pixel.
int64_t row_length(const TransposedShape& shape) { return shape.h.k * shape.w.k * shape.co; }
int64_t pixels(const TransposedShape& shape) { return shape.n * shape.h.extent * shape.w.extent; }

class Build {
  public:
    Build(const Problem& problem, const Schedule& schedule, const Target& target, const Conditions& conditions)
        : problem_(problem),
          shape_(problem),
          threads_(conditions.threads),
          lanes_(target.lanes(4)),
          panel_(lanes_ * as_int(schedule.number("vectors"))),
          rows_(as_int(schedule.number("rows"))),
          unroll_(as_int(schedule.number("unroll"))),
          ahead_(problem.weights() == Weights::fixed) {}

    Pipeline pipeline() {
        define_products();
        define_output();
        schedule_products();
        schedule_output();
        return stages();
    }

  private:
    void define_products();
    void define_output();
    void schedule_products();
    void schedule_output();
    Pipeline stages();

    [[nodiscard]] std::vector<int64_t> packed_extents() const {
        return {panel_, shape_.ci, ceil_div(row_length(shape_), panel_)};
    }

    const Problem& problem_;
    TransposedShape shape_;
    int threads_, lanes_, panel_, rows_, unroll_;
    bool ahead_;

    Var j_{"j"}, pixel_{"pixel"}, c_{"c"}, ox_{"ox"}, oy_{"oy"}, n_{"n"};
    Var inside_{"inside"}, channel_{"channel"}, panel_var_{"panel"}, lane_{"lane"}, tile_pixel_{"tile_pixel"};
    Var task_{"task"};
    Halide::RDom k_;
    Halide::ImageParam x_{Halide::Float(32), 2, "x"}, weight_{Halide::Float(32), 3, "weight"},
        ahead_weight_{Halide::Float(32), 3, "packed_weight"};
    Func packed_weight_{"packed_weight"}, tile_{"tile"}, products_{"products"}, out_{"out"};
    EpilogueInputs epilogue_;
};

void Build::define_products() {
    const int co = as_int(shape_.co);
    const int last = as_int(row_length(shape_)) - 1;
    const Expr j = panel_var_ * panel_ + inside_;
    const Expr column = Halide::min(j, last);
    packed_weight_(inside_, channel_, panel_var_) =
        Halide::select(j <= last, weight_(column % co, channel_, column / co), 0.0F);
    k_ = Halide::RDom(0, as_int(shape_.ci), "k");
    const std::vector<Expr> at{j_ % panel_, k_.x, j_ / panel_};
    tile_(j_, pixel_) = 0.0F;
    tile_(j_, pixel_) += x_(k_.x, pixel_) * (ahead_ ? ahead_weight_(at) : packed_weight_(at));
    products_(j_, pixel_) = tile_(j_, pixel_);
}

// Output o of an axis has the taps (o + pad) % stride, that plus stride, ..., of the pixels (o + pad) / stride, the one
// before it, ...
void Build::define_output() {
    Expr sum = 0.0F;
    for (int ty = 0; ty < shape_.h.taps(); ++ty) {
        for (int tx = 0; tx < shape_.w.taps(); ++tx) {
            const auto axis = [](const TransposedAxis& a, const Expr& o, int tap) {
                const int stride = as_int(a.stride), pad = as_int(a.pad);
                return std::pair<Expr, Expr>{(o + pad) % stride + tap * stride, (o + pad) / stride - tap};
            };
            const auto [ky, y] = axis(shape_.h, oy_, ty);
            const auto [kx, x] = axis(shape_.w, ox_, tx);
            const auto holds = [](const Expr& value, int64_t extent) {
                return Halide::likely(value >= 0) && Halide::likely(value < as_int(extent));
            };
            const auto clamped = [](const Expr& value, int64_t extent) {
                return Halide::clamp(Halide::likely(value), 0, as_int(extent - 1));
            };
            const Expr inside = holds(y, shape_.h.extent) && holds(x, shape_.w.extent) && ky < as_int(shape_.h.k) &&
                                kx < as_int(shape_.w.k);
            const Expr tap =
                Halide::min(ky, as_int(shape_.h.k - 1)) * as_int(shape_.w.k) + Halide::min(kx, as_int(shape_.w.k - 1));
            const Expr pixel = (n_ * as_int(shape_.h.extent) + clamped(y, shape_.h.extent)) * as_int(shape_.w.extent) +
                               clamped(x, shape_.w.extent);
            sum += Halide::select(inside, products_(tap * as_int(shape_.co) + c_, pixel), 0.0F);
        }
    }
    epilogue_ = epilogue_inputs(problem_, shape_.output_extents());
    out_(c_, ox_, oy_, n_) = apply_epilogue(problem_, epilogue_, sum, {c_, ox_, oy_, n_});
}

void Build::schedule_products() {
    products_.compute_root()
        .bound(j_, 0, as_int(round_up(row_length(shape_), panel_)))
        .bound(pixel_, 0, as_int(pixels(shape_)))
        .split(j_, panel_var_, j_, panel_, TailStrategy::RoundUp)
        .split(pixel_, pixel_, tile_pixel_, rows_, TailStrategy::ShiftInwards)
        .vectorize(j_, lanes_)
        .reorder({j_, tile_pixel_, panel_var_, pixel_})
        .unroll(j_)
        .unroll(tile_pixel_)
        .never_partition_all();
    if (threads_ > 1) {
        const int64_t tiles = ceil_div(pixels(shape_), rows_);
        products_
            .split(pixel_, task_, pixel_, as_int(ceil_div(tiles, int64_t{threads_} * kTasksPerThread)),
                   TailStrategy::GuardWithIf)
            .parallel(task_);
    }
    tile_.compute_at(products_, panel_var_)
        .bound_extent(j_, panel_)
        .bound_extent(pixel_, rows_)
        .vectorize(j_, lanes_)
        .unroll(j_)
        .unroll(pixel_);
    tile_.update().reorder(j_, pixel_, k_.x).vectorize(j_, lanes_).unroll(j_).unroll(pixel_);
    if (unroll_ > 1) tile_.update().unroll(k_.x, unroll_);
    packed_weight_.vectorize(inside_, lanes_).unroll(inside_);
    if (ahead_)
        packed_weight_.bound(inside_, 0, panel_);
    else
        packed_weight_.compute_root();
}

void Build::schedule_output() {
    out_.bound(c_, 0, as_int(shape_.co))
        .bound(ox_, 0, as_int(shape_.w.outputs()))
        .bound(oy_, 0, as_int(shape_.h.outputs()))
        .bound(n_, 0, as_int(shape_.n));
    if (shape_.co >= lanes_)
        out_.vectorize(c_, lanes_, TailStrategy::ShiftInwards);
    else if (shape_.co * shape_.w.stride <= kMostOutputs)
        out_.unroll(c_);
    if (shape_.w.stride > 1 && shape_.w.outputs() >= shape_.w.stride && shape_.co * shape_.w.stride <= kMostOutputs) {
        const Var place("place");
        out_.split(ox_, ox_, place, as_int(shape_.w.stride),
                   tail(shape_.w.outputs(), shape_.w.stride, TailStrategy::ShiftInwards))
            .unroll(place);
    }
    if (threads_ > 1) out_.fuse(oy_, n_, task_).parallel(task_);
}

Pipeline Build::stages() {
    const std::vector<int64_t> weight_extents{shape_.co, shape_.ci, shape_.w.k * shape_.h.k};
    Pipeline pipeline;
    pipeline.run.output = out_;
    pipeline.run.output_extents = shape_.output_extents();
    pipeline.run.inputs = {x_, ahead_ ? ahead_weight_ : weight_};
    pipeline.run.input_extents = {{shape_.ci, pixels(shape_)}, ahead_ ? packed_extents() : weight_extents};
    epilogue_.append_to(pipeline.run);
    if (ahead_) pipeline.pack = Stage{packed_weight_, {weight_}, {weight_extents}, packed_extents()};
    return pipeline;
}

bool applies(const Problem& problem, const Target&) {
    const TransposedShape shape(problem);
    return shape.co <= kFewChannels && shape.h.taps() * shape.w.taps() <= kMostTaps &&
           row_length(shape) * pixels(shape) * 4 <= kMostProductBytes;
}

Space space(const Problem& problem, const Target& target, const Conditions&) {
    const TransposedShape shape(problem);
    std::vector<Decision> decisions;
    decisions.push_back(
        {"vectors", [=](const Schedule&) { return values_of(tile_vectors(row_length(shape), target.lanes(4))); }});
    decisions.push_back(
        {"rows", [=](const Schedule& s) { return values_of(tile_rows(pixels(shape), s.number("vectors"), target)); }});
    decisions.push_back({"unroll", [=](const Schedule& s) {
                             return values_of(unroll_factors(shape.ci, s.number("vectors") * s.number("rows")));
                         }});
    return {id(), decisions};
}

Schedule worked_out(const Problem& problem, const Target& target, const Conditions& conditions) {
    Schedule wish(id());
    wish.set("vectors", int64_t{2}).set("rows", int64_t{6}).set("unroll", int64_t{4});
    return *space(problem, target, conditions).repair(wish);
}

Pipeline build(const Problem& problem, const Schedule& schedule, const Target& target, const Conditions& conditions) {
    return Build(problem, schedule, target, conditions).pipeline();
}

}  // namespace

Template spread_template() {
    return {id(),
            "one matmul for all taps, whose products the outputs gather",
            {"conv2d_transposed"},
            applies,
            space,
            worked_out,
            build};
}

}  // namespace tilesmith
