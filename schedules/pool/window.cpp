// The template window: pooling with vectors of channels.
//
// A few vectors of channels of one pixel are reduced over the window in registers. Where a window sticks out, the
// nearest pixel is read in place of padding: for a maximum that is a pixel of the same window, for a mean its share is
// taken as 0. Halide cuts the loops over pixels so that windows that stick out nowhere pay nothing for it.
#include "schedules/template_rows.h"

#include <Halide.h>

#include <algorithm>
#include <vector>

#include "schedules/blocks/streaming.h"
#include "schedules/blocks/tiling.h"
#include "schedules/pipeline.h"
#include "schedules/pool/shape.h"

namespace tilesmith {
namespace {

TemplateId id() { return {"window", 1}; }

using Halide::Expr;

constexpr int64_t kMostVectors = 8;
constexpr int64_t kMostUnrolledTaps = 64;  // vectors of a window in the code

// Along one axis: the first element of window `at` of the padded input, how many there are, the window's length.
struct Axis {
    int extent, kernel, stride, pad, windows;

    [[nodiscard]] bool sticks_out() const { return pad > 0 || (windows - 1) * stride - pad + kernel > extent; }
    [[nodiscard]] Expr first(const Expr& at) const { return at * stride - pad; }
    [[nodiscard]] Expr position(const Expr& at, const Expr& tap) const {
        const Expr inside = first(at) + tap;
        return sticks_out() ? Halide::clamp(Halide::likely(inside), 0, extent - 1) : inside;
    }
    [[nodiscard]] Expr holds(const Expr& at, const Expr& tap) const {
        if (!sticks_out()) return Halide::cast<bool>(true);
        const Expr inside = first(at) + tap;
        return Halide::likely(inside >= 0) && Halide::likely(inside < extent);
    }
    // How many elements of the window are no padding.
    [[nodiscard]] Expr count(const Expr& at) const {
        if (!sticks_out()) return kernel;
        return Halide::min(first(at) + kernel, extent) - Halide::max(first(at), 0);
    }
};

// 1, 2, 4, ... vectors of channels, at most those there are.
std::vector<int64_t> vector_counts(const PoolShape& shape, int64_t lanes) {
    std::vector<int64_t> counts{1};
    for (int64_t count = 2; count <= kMostVectors && count * lanes <= shape.c; count *= 2)
        if (little_waste(shape.c, count * lanes)) counts.push_back(count);
    return counts;
}

bool applies(const Problem&, const Target&) { return true; }

Space space(const Problem& problem, const Target& target, const Conditions&) {
    const PoolShape shape(problem);
    const int64_t lanes = target.lanes(4);
    std::vector<Decision> decisions;
    decisions.push_back({"vectors", [=](const Schedule&) { return values_of(vector_counts(shape, lanes)); }});
    // What of the window is unrolled.
    decisions.push_back({"unroll", [=](const Schedule& s) {
                             std::vector<Value> choices{"no"};
                             if (shape.kw * s.number("vectors") <= kMostUnrolledTaps) choices.emplace_back("row");
                             if (shape.kw * shape.kh * s.number("vectors") <= kMostUnrolledTaps)
                                 choices.emplace_back("window");
                             return choices;
                         }});
    // The outer loop, which is also the parallel one: rows of pixels, or blocks of channels.
    decisions.push_back({"outer", [](const Schedule&) { return std::vector<Value>{"rows", "channels"}; }});
    append_store(decisions, problem, target);
    return {id(), decisions};
}

Schedule worked_out(const Problem& problem, const Target& target, const Conditions& conditions) {
    const PoolShape shape(problem);
    Schedule wish(id());
    wish.set("vectors", int64_t{4}).set("unroll", "window");
    wish.set("outer", shape.oh * shape.n >= conditions.threads ? "rows" : "channels");
    wish.set("store", worked_out_store(problem, target, aligned_rows(shape.c)));
    return *space(problem, target, conditions).repair(wish);
}

Pipeline build(const Problem& problem, const Schedule& schedule, const Target& target, const Conditions& conditions) {
    const PoolShape shape(problem);
    const Axis rows{as_int(shape.h), as_int(shape.kh), as_int(shape.stride_h), as_int(shape.pad_h), as_int(shape.oh)};
    const Axis columns{as_int(shape.w), as_int(shape.kw), as_int(shape.stride_w), as_int(shape.pad_w),
                       as_int(shape.ow)};
    const bool mean = problem.op() == "avg_pool";
    const int lanes = target.lanes(4);
    const int block = lanes * as_int(schedule.number("vectors"));

    const Halide::ImageParam x(Halide::Float(32), 4, "x");
    Halide::Var c("c"), ox("ox"), oy("oy"), n("n"), lane("lane"), vector("vector"), c_blk("c_blk"), task("task");
    const Halide::RDom tap(0, columns.kernel, 0, rows.kernel, "tap");
    Halide::Func window("window"), out("out");
    const Expr element = x(c, columns.position(ox, tap.x), rows.position(oy, tap.y), n);
    if (mean) {
        const Expr inside = columns.holds(ox, tap.x) && rows.holds(oy, tap.y);
        window(c, ox, oy, n) = 0.0F;
        window(c, ox, oy, n) += Halide::select(inside, element, 0.0F);
        // A window may reach over more padding than an int counts.
        const Expr count = problem["include_pad"] != 0 ? Expr(static_cast<float>(shape.kw * shape.kh))
                                                       : Halide::cast<float>(columns.count(ox) * rows.count(oy));
        out(c, ox, oy, n) = window(c, ox, oy, n) / count;
    } else {
        window(c, ox, oy, n) = Halide::Float(32).min();
        window(c, ox, oy, n) = Halide::max(window(c, ox, oy, n), element);
        out(c, ox, oy, n) = window(c, ox, oy, n);
    }

    out.bound(c, 0, as_int(shape.c))
        .bound(ox, 0, columns.windows)
        .bound(oy, 0, rows.windows)
        .bound(n, 0, as_int(shape.n));
    const bool whole = shape.c >= block;  // fewer channels than a vector are computed one by one
    const int channels = whole ? block : as_int(shape.c);
    out.split(c, c_blk, c, channels, Halide::TailStrategy::ShiftInwards).partition(c_blk, Halide::Partition::Never);
    if (whole) out.split(c, vector, lane, lanes).vectorize(lane).unroll(vector);
    const Halide::Var inner = whole ? vector : c;
    const bool by_rows = schedule.choice("outer") == "rows";
    if (whole)
        out.reorder({lane, inner, by_rows ? c_blk : ox, by_rows ? ox : oy, by_rows ? oy : c_blk, n});
    else
        out.reorder({inner, by_rows ? c_blk : ox, by_rows ? ox : oy, by_rows ? oy : c_blk, n});
    if (conditions.threads > 1) out.fuse(by_rows ? oy : c_blk, n, task).parallel(task);

    window.compute_at(out, by_rows ? c_blk : ox)
        .bound_extent(c, channels)
        .bound_extent(ox, 1)
        .bound_extent(oy, 1)
        .bound_extent(n, 1);
    window.update().reorder({c, tap.x, tap.y, ox, oy, n});
    if (whole) {
        window.vectorize(c, lanes).unroll(c);
        window.update().vectorize(c, lanes).unroll(c);
    }
    if (schedule.choice("unroll") != "no") window.update().unroll(tap.x);
    if (schedule.choice("unroll") == "window") window.update().unroll(tap.y);

    Pipeline pipeline;
    pipeline.run = {out, {x}, {shape.input_extents()}, shape.output_extents()};
    pipeline.run.stream_output = streams_output(schedule);
    return pipeline;
}

}  // namespace

Template window_template() {
    return {
        id(), "vectors of channels, one window after the other", {"max_pool", "avg_pool"}, applies, space, worked_out,
        build};
}

}  // namespace tilesmith
