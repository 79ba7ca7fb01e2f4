// The template row_passes: softmax, layer_norm and rms_norm as passes over one row after the other.
//
// Each row is read once from memory and then again from the L1 cache: one pass a reduction, one for the output. The
// last vector of a pass starts earlier, so nothing is read or written outside; rows shorter than a vector are computed
// element by element.
#include "schedules/template_rows.h"

#include <Halide.h>

#include <algorithm>
#include <vector>

#include "schedules/blocks/streaming.h"
#include "schedules/blocks/tiling.h"
#include "schedules/pipeline.h"
#include "schedules/rows/reduction.h"
#include "schedules/rows/shape.h"

namespace tilesmith {
namespace {

TemplateId id() { return {"row_passes", 1}; }

using Halide::Expr;
using Halide::Func;
using Halide::Var;

class Build {
  public:
    Build(const Problem& problem, const Schedule& schedule, const Target& target)
        : problem_(problem),
          shape_(problem),
          cols_(as_int(shape_.cols)),
          lanes_(target.lanes(4)),
          sums_(as_int(schedule.number("sums"))),
          unroll_(as_int(schedule.number("unroll"))),
          stream_(streams_output(schedule)),
          task_rows_(schedule.find("task_rows") != nullptr ? as_int(schedule.number("task_rows")) : 0) {}

    Pipeline pipeline() {
        if (problem_.op() == "softmax")
            softmax();
        else if (problem_.op() == "layer_norm")
            layer_norm();
        else
            rms_norm();
        schedule_output();
        Pipeline pipeline;
        pipeline.run.output = out_;
        pipeline.run.output_extents = shape_.extents();
        pipeline.run.stream_output = stream_;
        pipeline.run.inputs = {x_};
        pipeline.run.input_extents = {shape_.extents()};
        for (const Halide::ImageParam& vector : vectors_) {
            pipeline.run.inputs.push_back(vector);
            pipeline.run.input_extents.push_back({shape_.cols});
        }
        return pipeline;
    }

  private:
    void softmax();
    void layer_norm();
    void rms_norm();
    void schedule_output();
    void vectorize_columns(Func stage) const;

    // Numbers of a row, ready when the loop over its columns begins.
    Expr reduce(const std::string& name, Combine how, const RowReduction::Term& term) {
        RowReduction reduction(name, how, cols_, lanes_, sums_, 1, term);
        reduction.compute_at(out_, row_);
        return reduction.total(row_);
    }
    Func once_a_row(const std::string& name, const Expr& value) {
        Func number(name);
        number(row_) = value;
        number.compute_at(out_, row_).bound_extent(row_, 1);
        return number;
    }
    // gamma or beta: the next argument.
    Expr per_column(const std::string& name) {
        vectors_.emplace_back(Halide::Float(32), 1, name);
        return vectors_.back()(col_);
    }
    [[nodiscard]] Expr mean_of(const Expr& sum) const { return sum * (1.0F / static_cast<float>(cols_)); }
    [[nodiscard]] Expr inverse_root(const Expr& mean_square) const {
        return 1.0F / Halide::sqrt(mean_square + static_cast<float>(problem_.eps()));
    }

    const Problem& problem_;
    RowsShape shape_;
    int cols_, lanes_, sums_, unroll_;
    bool stream_;
    int task_rows_;
    Var col_{"col"}, row_{"row"};
    Halide::ImageParam x_{Halide::Float(32), 2, "x"};
    std::vector<Halide::ImageParam> vectors_;
    Func out_{"out"};
};

void Build::softmax() {
    const auto element = [&](const Expr& c, const Expr& r) { return x_(c, r); };
    const Expr largest = reduce("largest", Combine::maximum, element);
    Func exponential("exponential");
    exponential(col_, row_) = Halide::exp(x_(col_, row_) - largest);
    exponential.compute_at(out_, row_).bound_extent(col_, cols_).bound_extent(row_, 1);
    vectorize_columns(exponential);
    const Expr sum = reduce("sum", Combine::sum, [&](const Expr& c, const Expr& r) { return exponential(c, r); });
    out_(col_, row_) = exponential(col_, row_) * once_a_row("inverse", 1.0F / sum)(row_);
}

void Build::layer_norm() {
    const auto element = [&](const Expr& c, const Expr& r) { return x_(c, r); };
    const Func mean = once_a_row("mean", mean_of(reduce("sum", Combine::sum, element)));
    const Expr squares = reduce("squares", Combine::sum, [&](const Expr& c, const Expr& r) {
        const Expr deviation = x_(c, r) - mean(r);
        return deviation * deviation;
    });
    const Func scale = once_a_row("scale", inverse_root(mean_of(squares)));
    const Expr gamma = per_column("gamma");  // in the order of the arguments
    const Expr beta = per_column("beta");
    out_(col_, row_) = (x_(col_, row_) - mean(row_)) * scale(row_) * gamma + beta;
}

void Build::rms_norm() {
    const Expr squares =
        reduce("squares", Combine::sum, [&](const Expr& c, const Expr& r) { return x_(c, r) * x_(c, r); });
    out_(col_, row_) = x_(col_, row_) * once_a_row("scale", inverse_root(mean_of(squares)))(row_) * per_column("gamma");
}

void Build::vectorize_columns(Func stage) const {
    if (cols_ < lanes_) return;
    const Var block("block"), vector("vector"), lane("lane");
    stage.split(col_, block, lane, lanes_ * unroll_, Halide::TailStrategy::ShiftInwards)
        .split(lane, vector, lane, lanes_)
        .vectorize(lane)
        .unroll(vector)
        .partition(block, Halide::Partition::Never);
}

void Build::schedule_output() {
    out_.bound(col_, 0, cols_).bound(row_, 0, as_int(shape_.rows));
    vectorize_columns(out_);
    if (task_rows_ == 0) return;
    const Var task("task");
    out_.split(row_, task, row_, task_rows_, Halide::TailStrategy::GuardWithIf).parallel(task);
}

bool applies(const Problem&, const Target&) { return true; }

Space space(const Problem& problem, const Target& target, const Conditions& conditions) {
    const RowsShape shape(problem);
    const int64_t vectors = shape.cols / target.lanes(4);  // of a row: a step is no longer
    std::vector<Decision> decisions;
    // Accumulators of a reduction, in vectors: an addition has a latency of 3 or 4 cycles, two start in each.
    decisions.push_back(
        {"sums", [=](const Schedule&) { return values_of(powers_of_two(std::min<int64_t>(8, vectors))); }});
    decisions.push_back(
        {"unroll", [=](const Schedule&) { return values_of(powers_of_two(std::min<int64_t>(4, vectors))); }});
    append_store(decisions, problem, target);
    if (conditions.threads > 1)
        decisions.push_back(
            {"task_rows", [=](const Schedule&) { return values_of(task_lengths(shape.rows, shape.cols)); }});
    return {id(), decisions};
}

Schedule worked_out(const Problem& problem, const Target& target, const Conditions& conditions) {
    const RowsShape shape(problem);
    Schedule wish(id());
    wish.set("sums", int64_t{4})
        .set("unroll", int64_t{2})
        .set("store", worked_out_store(problem, target, aligned_rows(shape.cols)));
    wish.set("task_rows", ceil_div(shape.rows, 2 * conditions.threads));
    return *space(problem, target, conditions).repair(wish);
}

Pipeline build(const Problem& problem, const Schedule& schedule, const Target& target, const Conditions&) {
    return Build(problem, schedule, target).pipeline();
}

}  // namespace

Template row_passes_template() {
    return {id(),
            "passes over a row that stays in the cache",
            {"softmax", "layer_norm", "rms_norm"},
            applies,
            space,
            worked_out,
            build};
}

}  // namespace tilesmith
