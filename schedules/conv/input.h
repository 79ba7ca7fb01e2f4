// The input of a convolution as the sums see it: in padded coordinates, whatever is done about the padding.
#pragma once

#include <Halide.h>

#include <cstdint>
#include <string>
#include <vector>

#include "schedules/conv/shape.h"

namespace tilesmith {

// The input lies in memory as [n * d, h, w * ci]: a column of pixels and its channels are one dense axis, so that a
// padded copy is a row copied with zeros before and after it, for any number of channels; the planes of all volumes are
// one axis too.
class ConvInput {
  public:
    // `padding` is one of ConvTile's. Positions are those of as_read(shape, padding).
    ConvInput(const ConvShape& shape, std::string padding);

    // Padded coordinates: row 0 and column 0 are the first of the padding. With "skip" and "skip_rows" only where
    // row_inside() (and, for "skip", column_inside()) holds is the value right; elsewhere it is some element.
    [[nodiscard]] Halide::Expr at(const Halide::Expr& channel, const Halide::Expr& column, const Halide::Expr& row,
                                  const Halide::Expr& plane) const;

    [[nodiscard]] bool skips_rows() const;
    [[nodiscard]] Halide::Expr row_inside(const Halide::Expr& row) const;
    [[nodiscard]] Halide::Expr column_inside(const Halide::Expr& column) const;

    // Schedules the copy, if there is one: `copy_at` is "block" (at `level` of `consumer`, for a block of output
    // rows x columns) or "whole".
    void schedule(const Halide::Func& consumer, const Halide::Var& level, const std::string& copy_at,
                  int64_t block_rows, int64_t block_columns, int lanes, bool parallel);

    [[nodiscard]] Halide::ImageParam buffer() const { return buffer_; }
    [[nodiscard]] std::vector<int64_t> extents() const;

  private:
    [[nodiscard]] bool copies() const;
    [[nodiscard]] bool gathers() const;
    void define_copy();
    void define_gathered();

    ConvShape shape_;
    std::string padding_;
    Halide::ImageParam buffer_{Halide::Float(32), 3, "input"};
    Halide::Var e_{"e"}, y_{"y"}, n_{"n"}, task_{"task"};  // e: an element of a row
    Halide::Func copy_{"padded"};
};

}  // namespace tilesmith
