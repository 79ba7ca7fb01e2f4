// The template fold_rows: reductions along contiguous memory.
//
// A run of `inner` elements is combined into a few vectors of accumulators, then those into one, then its lanes;
// vectors and elements that no whole step takes come last. Where there are more groups of reduced axes, one set of
// accumulators goes through all runs of an output. Runs below a vector are reduced a vector of outputs at a time. Few
// outputs with long runs are cut into chunks, one task each.
#include "schedules/template_rows.h"

#include <Halide.h>

#include <algorithm>
#include <iterator>
#include <vector>

#include "schedules/blocks/tiling.h"
#include "schedules/pipeline.h"
#include "schedules/reduce/fold.h"
#include "schedules/reduce/shape.h"

namespace tilesmith {
namespace {

using Halide::Expr;
using Halide::Func;
using Halide::RDom;
using Halide::TailStrategy;
using Halide::Var;

TemplateId id() { return {"fold_rows", 1}; }

constexpr int64_t kMostSums = 8;  // vectors: an addition has a latency of 3 or 4 cycles, two start in each

// Of a vector; fewer than the target has where the loops are nested and both axes inside of them are shorter.
int64_t lanes_of(const FoldShape& shape, const Target& target) {
    const int64_t longest = std::max(shape.inner, shape.kept);
    const int64_t lanes = target.lanes(4);
    return shape.nested() && longest < lanes ? powers_of_two(longest).back() : lanes;
}

// Whether outputs rather than the elements of a run fill vectors.
bool across(const FoldShape& shape, int64_t lanes) { return shape.inner < lanes && shape.kept >= lanes; }

// Outputs that are computed together: a vector of them, or one.
int64_t outputs_at_once(const FoldShape& shape, int64_t lanes) { return across(shape, lanes) ? lanes : 1; }
int64_t pieces(const FoldShape& shape, int64_t lanes) {
    return ceil_div(shape.kept, outputs_at_once(shape, lanes)) * shape.outer;
}

class Build {
  public:
    Build(const Problem& problem, const Schedule& schedule, const Target& target)
        : fold_(problem),
          shape_(problem),
          lanes_(as_int(lanes_of(shape_, target))),
          sums_(as_int(schedule.number("sums"))),
          chunks_(schedule.find("chunks") != nullptr ? as_int(schedule.number("chunks")) : 1),
          task_(schedule.find("task") != nullptr && chunks_ == 1 ? as_int(schedule.number("task")) : 0),
          across_(across(shape_, lanes_)),
          steps_(as_int(shape_.inner) / (lanes_ * sums_ * chunks_)) {}

    Pipeline pipeline() {
        if (steps_ > 0) define_vectors();
        define_total();
        schedule_output();
        if (steps_ > 0) schedule_vectors();
        schedule_total();
        Pipeline pipeline;
        pipeline.run = {
            out_, {x_}, {shape_.input_extents({shape_.inner, shape_.kept, shape_.reduced})}, shape_.output_extents()};
        return pipeline;
    }

  private:
    void define_vectors();
    void define_total();
    void schedule_output();
    void schedule_vectors();
    void schedule_total();

    // `count` elements of every run.
    [[nodiscard]] RDom of_runs(int count, const std::string& name) const {
        return domain(shape_, {count, as_int(shape_.reduced)}, name);
    }
    // The i-th element of a run that is one of `runs`.
    [[nodiscard]] Expr element_of(const Expr& i, const RDom& runs) const {
        return x_(element(shape_, {i, k_, runs.y}, o_, runs));
    }

    Fold fold_;
    FoldShape shape_;
    int lanes_, sums_, chunks_, task_;
    bool across_;
    int steps_;     // of a chunk; 0 where runs are below a vector
    int done_ = 0;  // elements of a run that the vectors take

    Var lane_{"lane"}, chunk_{"chunk"}, k_{"k"}, o_{"o"}, k_block_{"k_block"}, row_{"row"}, task_var_{"task"};
    RDom step_, sum_, rest_, last_, lane_of_all_;
    Halide::ImageParam x_{Halide::Float(32), 3 + as_int(std::ssize(shape_.around)), "x"};
    Func partial_{"partial"}, lane_total_{"lane_total"}, total_{"total"}, out_{"out"};
    Var level_;  // of out_: one piece
};

void Build::define_vectors() {
    const int length = lanes_ * sums_;
    step_ = of_runs(steps_, "step");
    partial_(lane_, chunk_, k_, o_) = fold_.neutral();
    partial_(lane_, chunk_, k_, o_) =
        fold_.combine(partial_(lane_, chunk_, k_, o_), element_of((chunk_ * steps_ + step_.x) * length + lane_, step_));
    sum_ = RDom(0, sums_, 0, chunks_, "sum");
    lane_total_(lane_, k_, o_) = fold_.neutral();
    lane_total_(lane_, k_, o_) =
        fold_.combine(lane_total_(lane_, k_, o_), partial_(sum_.x * lanes_ + lane_, sum_.y, k_, o_));
    const int whole = steps_ * length * chunks_;
    const int vectors = (as_int(shape_.inner) - whole) / lanes_;
    done_ = whole + vectors * lanes_;
    if (vectors == 0) return;
    rest_ = of_runs(vectors, "rest");
    lane_total_(lane_, k_, o_) =
        fold_.combine(lane_total_(lane_, k_, o_), element_of(whole + rest_.x * lanes_ + lane_, rest_));
}

void Build::define_total() {
    total_(k_, o_) = fold_.neutral();
    if (done_ < shape_.inner) {
        last_ = of_runs(as_int(shape_.inner) - done_, "last");
        total_(k_, o_) = fold_.combine(total_(k_, o_), element_of(done_ + last_.x, last_));
    }
    if (steps_ > 0) {
        lane_of_all_ = RDom(0, lanes_, "lane_of_all");
        total_(k_, o_) = fold_.combine(total_(k_, o_), lane_total_(lane_of_all_, k_, o_));
    }
    out_(k_, o_) = fold_.finish(total_(k_, o_));
}

void Build::schedule_output() {
    out_.bound(k_, 0, as_int(shape_.kept)).bound(o_, 0, as_int(shape_.outer));
    level_ = k_;
    if (across_) {
        out_.split(k_, k_block_, k_, lanes_, TailStrategy::ShiftInwards)
            .vectorize(k_)
            .partition(k_block_, Halide::Partition::Never);
        level_ = k_block_;
    }
    if (task_ == 0) return;
    out_.fuse(level_, o_, row_).split(row_, task_var_, row_, task_, TailStrategy::GuardWithIf).parallel(task_var_);
    level_ = row_;
}

void Build::schedule_vectors() {
    partial_.bound_extent(lane_, lanes_ * sums_).vectorize(lane_, lanes_).unroll(lane_);
    partial_.update().reorder(loops({lane_}, step_, {chunk_, k_, o_})).vectorize(lane_, lanes_).unroll(lane_);
    if (chunks_ > 1) {
        partial_.compute_root();
        partial_.update().fuse(chunk_, k_, row_).fuse(row_, o_, task_var_).parallel(task_var_);
    } else {
        partial_.compute_at(out_, level_).bound_extent(chunk_, 1).bound_extent(k_, 1).bound_extent(o_, 1);
    }
    lane_total_.compute_at(out_, level_)
        .bound_extent(lane_, lanes_)
        .bound_extent(k_, 1)
        .bound_extent(o_, 1)
        .vectorize(lane_);
    lane_total_.update(0).reorder(lane_, sum_.x, sum_.y, k_, o_).vectorize(lane_).unroll(sum_.x);
    if (rest_.defined()) lane_total_.update(1).reorder(loops({lane_}, rest_, {k_, o_})).vectorize(lane_);
}

void Build::schedule_total() {
    const int width = across_ ? lanes_ : 1;
    total_.compute_at(out_, level_).bound_extent(k_, width).bound_extent(o_, 1);
    if (across_) {
        total_.vectorize(k_);
        total_.update().reorder(loops({k_}, last_, {o_})).vectorize(k_).unroll(last_.x);
    }
    if (steps_ > 0) total_.update(total_.num_update_definitions() - 1).atomic().vectorize(lane_of_all_.x);
}

bool applies(const Problem& problem, const Target&) { return FoldShape(problem).inner > 1; }

Space space(const Problem& problem, const Target& target, const Conditions& conditions) {
    const FoldShape shape(problem);
    const int64_t lanes = lanes_of(shape, target);
    const int64_t outputs = shape.kept * shape.outer;
    const int64_t most_chunks = kMostChunksAThread * conditions.threads / outputs;
    std::vector<Decision> decisions;
    // Accumulators, in vectors.
    decisions.push_back(
        {"sums", [=](const Schedule&) { return values_of(powers_of_two(std::min(kMostSums, shape.inner / lanes))); }});
    if (conditions.threads == 1) return {id(), decisions};
    decisions.push_back(
        {"chunks", [=](const Schedule& s) {
             const int64_t steps = shape.inner / (lanes * s.number("sums"));
             return values_of(powers_of_two(std::min({most_chunks, steps, shape.terms() / kLeastTaskElements})));
         }});
    // Of one task, where tasks are no chunks: pieces in a row.
    decisions.push_back({"task", [=](const Schedule& s) {
                             const int64_t count = pieces(shape, lanes);
                             if (s.number("chunks") > 1) return values_of({count});
                             return values_of(task_lengths(count, shape.terms() * outputs_at_once(shape, lanes)));
                         }});
    return {id(), decisions};
}

Schedule worked_out(const Problem& problem, const Target& target, const Conditions& conditions) {
    const FoldShape shape(problem);
    const int64_t lanes = lanes_of(shape, target);
    const int64_t count = pieces(shape, lanes);
    Schedule wish(id());
    wish.set("sums", shape.inner >= 64 * lanes ? kMostSums : int64_t{4});
    wish.set("chunks", int64_t{count < conditions.threads ? conditions.threads : 1});
    wish.set("task", ceil_div(count, 2 * conditions.threads));
    return *space(problem, target, conditions).repair(wish);
}

Pipeline build(const Problem& problem, const Schedule& schedule, const Target& target, const Conditions&) {
    return Build(problem, schedule, target).pipeline();
}

}  // namespace

Template fold_rows_template() {
    return {id(),
            "reductions along contiguous memory, vectors of partial results",
            {"reduce_sum", "reduce_max", "reduce_mean"},
            applies,
            space,
            worked_out,
            build};
}

}  // namespace tilesmith
