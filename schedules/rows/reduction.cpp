#include "schedules/rows/reduction.h"

namespace tilesmith {

RowReduction::RowReduction(const std::string& name, Combine how, int cols, int lanes, int vectors, int chunks,
                           const Term& term)
    : total(name),
      lanes_(lanes),
      step_(lanes * vectors),
      steps_(cols / (step_ * chunks)),
      chunks_(chunks),
      partial_(name + "_partial") {
    const int reduced = steps_ * step_ * chunks_;
    total(row_) = neutral(how);
    if (reduced < cols) {
        const Halide::RDom rest(reduced, cols - reduced, "rest");
        total(row_) = combine(how, total(row_), term(rest, row_));
    }
    if (steps_ == 0) return;
    at_ = Halide::RDom(0, steps_, "at");
    partial_(lane_, chunk_, row_) = neutral(how);
    partial_(lane_, chunk_, row_) =
        combine(how, partial_(lane_, chunk_, row_), term((chunk_ * steps_ + at_) * step_ + lane_, row_));
    lanes_of_all_ = Halide::RDom(0, step_, 0, chunks_, "lanes_of_all");
    total(row_) = combine(how, total(row_), partial_(lanes_of_all_.x, lanes_of_all_.y, row_));
    total.update(total.num_update_definitions() - 1).atomic().vectorize(lanes_of_all_.x);
}

void RowReduction::compute_at(const Halide::Func& consumer, const Halide::Var& level, bool chunks_in_parallel) {
    total.compute_at(consumer, level).bound_extent(row_, 1);
    if (steps_ == 0) return;
    partial_.bound_extent(lane_, step_).vectorize(lane_, lanes_).unroll(lane_);
    partial_.update().reorder(lane_, at_, chunk_, row_).vectorize(lane_, lanes_).unroll(lane_);
    if (chunks_in_parallel) {
        const Halide::Var task("task");
        partial_.compute_root();
        partial_.update().fuse(chunk_, row_, task).parallel(task);
    } else {
        partial_.compute_at(consumer, level).bound_extent(row_, 1).bound_extent(chunk_, chunks_);
    }
}

}  // namespace tilesmith
