#include "schedules/conv/input.h"

#include <algorithm>
#include <utility>

#include "schedules/blocks/tiling.h"
#include "schedules/conv/tile.h"

namespace tilesmith {
using Halide::Expr;

ConvInput::ConvInput(const ConvShape& shape, std::string padding) : shape_(shape), padding_(std::move(padding)) {
    if (gathers())
        define_gathered();
    else if (copies())
        define_copy();
}

bool ConvInput::gathers() const { return padding_ == kPadGather; }

bool ConvInput::copies() const {
    return gathers() || padding_ == kPadCopy || (padding_ == kPadSkipRows && shape_.pads_columns());
}

bool ConvInput::skips_rows() const {
    return tilesmith::skips_rows(padding_) && (shape_.pad_h != 0 || shape_.pad_h_end != 0);
}

void ConvInput::define_copy() {
    const int row_elements = as_int(shape_.w * shape_.ci);
    const Expr e = e_ - as_int(shape_.pad_w * shape_.ci);
    const int last_row = as_int(shape_.h - 1);
    const bool pads_rows = padding_ == kPadCopy && (shape_.pad_h != 0 || shape_.pad_h_end != 0);
    const Expr y = pads_rows ? Expr(y_ - as_int(shape_.pad_h)) : Expr(y_);
    Expr inside = shape_.pads_columns() ? e >= 0 && e < row_elements : Halide::Internal::const_true();
    if (pads_rows) inside = inside && y >= 0 && y <= last_row;
    const Expr value =
        buffer_(Halide::clamp(Halide::likely(e), 0, row_elements - 1), Halide::clamp(y, 0, last_row), n_);
    copy_(e_, y_, n_) = Halide::select(Halide::likely(inside), value, 0.0F);
}

// Row y_ of the copy holds the channels of the y_-th pixel that the output reads. The last block may stick out.
void ConvInput::define_gathered() {
    const int ow = as_int(shape_.ow), oh = as_int(shape_.oh), n = as_int(shape_.n);
    const Expr pixel = Halide::min(y_, n * oh * ow - 1);
    const Expr column = pixel % ow * as_int(shape_.stride_w);
    const Expr row = pixel / ow % oh * as_int(shape_.stride_h);
    copy_(e_, y_, n_) = buffer_(column * as_int(shape_.ci) + e_, row, Halide::clamp(pixel / (ow * oh), 0, n - 1));
}

Expr ConvInput::at(const Expr& channel, const Expr& column, const Expr& row, const Expr& plane) const {
    const int ci = as_int(shape_.ci);
    const Expr clamped = Halide::clamp(row - as_int(shape_.pad_h), 0, as_int(shape_.h - 1));
    if (gathers()) return copy_(channel, column, plane);
    if (padding_ == kPadNone) return buffer_(column * ci + channel, row, plane);
    if (padding_ == kPadCopy) return copy_(column * ci + channel, row, plane);
    const Expr in_row = skips_rows() ? clamped : row;
    if (padding_ == kPadEdges) {
        const int row_elements = as_int(shape_.w * shape_.ci);
        const Expr element = column * ci + channel - as_int(shape_.pad_w * shape_.ci);
        const Expr value = buffer_(Halide::clamp(element, 0, row_elements - 1), in_row, plane);
        return Halide::select(element >= 0 && element < row_elements, Halide::likely(value), 0.0F);
    }
    if (copies()) return copy_(column * ci + channel, in_row, plane);
    if (padding_ == kPadSkipRows) return buffer_(column * ci + channel, in_row, plane);
    // Also where columns are not padded: the last tile may stick out.
    const Expr in_column = Halide::clamp(Halide::likely(column - as_int(shape_.pad_w)), 0, as_int(shape_.w - 1));
    return buffer_(in_column * ci + channel, in_row, plane);
}

Expr ConvInput::row_inside(const Expr& row) const {
    return row >= as_int(shape_.pad_h) && row < as_int(shape_.pad_h + shape_.h);
}

Expr ConvInput::column_inside(const Expr& column) const {
    return column >= as_int(shape_.pad_w) && column < as_int(shape_.pad_w + shape_.w);
}

void ConvInput::schedule(const Halide::Func& consumer, const Halide::Var& level, const std::string& copy_at,
                         int64_t block_rows, int64_t block_columns, int lanes, bool parallel) {
    if (!copies()) return;
    const int64_t columns = (block_columns - 1) * shape_.stride_w + (shape_.kw - 1) * shape_.dilation_w + 1;
    const int64_t row_elements = gathers() ? shape_.ci : columns * shape_.ci;
    const int64_t rows =
        gathers() ? block_columns : (block_rows - 1) * shape_.stride_h + (shape_.kh - 1) * shape_.dilation_h + 1;
    if (copy_at == "block") {
        copy_.compute_at(consumer, level)
            .bound_extent(e_, as_int(row_elements))
            .bound_extent(y_, as_int(rows))
            .bound_extent(n_, 1);
    } else {
        copy_.compute_root();
        if (parallel) copy_.fuse(y_, n_, task_).parallel(task_);
    }
    if (row_elements >= lanes) copy_.vectorize(e_, lanes, Halide::TailStrategy::GuardWithIf);
}

std::vector<int64_t> ConvInput::extents() const { return {shape_.w * shape_.ci, shape_.h, shape_.n * shape_.d}; }

}  // namespace tilesmith
