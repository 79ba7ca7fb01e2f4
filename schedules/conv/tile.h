// What a register tile of a convolution costs, counted in cycles from the target's numbers: the measure by which
// domains leave hopeless tiles out and default schedules are chosen. No Halide.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/target.h"
#include "schedules/conv/shape.h"

namespace tilesmith {

// Where the zeros around the input are dealt with.
//   none       there are none
//   copy       the input is copied into a padded buffer
//   skip_rows  kernel rows that fall outside are not computed; columns are padded by a copy where they need it
//   skip       rows as above; the tiles of a row are unrolled, and each leaves out the taps that fall outside; where
//              tiles have several rows, those of a column are unrolled too
//   edges      rows as above; the first and the last tiles of a row ask for each pixel whether it is inside
//   gather     there are none; the pixels that a strided kernel of one tap reads are copied side by side
inline const std::string kPadNone = "none";
inline const std::string kPadCopy = "copy";
inline const std::string kPadSkipRows = "skip_rows";
inline const std::string kPadSkip = "skip";
inline const std::string kPadEdges = "edges";
inline const std::string kPadGather = "gather";

// A register tile: `rows` x `columns` output pixels by `vectors` vectors of output channels.
struct ConvTile {
    std::string padding;
    int64_t vectors = 1;
    int64_t rows = 1;
    int64_t columns = 1;

    [[nodiscard]] int64_t pixels() const { return rows * columns; }
    [[nodiscard]] int64_t accumulators() const { return pixels() * vectors; }
    // Whether all tiles of the output are written out, one after the other.
    [[nodiscard]] bool all_written_out() const { return padding == kPadSkip && rows > 1; }
};

// The same convolution with as few axes as possible: with one kernel plane that neither strides nor pads, planes are
// images; without taps, strides and padding all pixels are one row; with one kernel row that neither strides nor pads,
// batch and rows are one axis.
ConvShape merged(const ConvShape& shape);

// The same convolution once `padding` has dealt with its input: gathered pixels are one row without strides.
ConvShape as_read(const ConvShape& shape, const std::string& padding);

// Vector multiply-adds written out in one body when the taps of a kernel row are unrolled, or for the whole output if
// that is written out: bounds compile time.
int64_t unrolled_taps(const ConvShape& shape, const ConvTile& tile);

// Whether kernel rows that fall outside are not computed.
bool skips_rows(const std::string& padding);

// A kernel of one row is computed for a row of the output or not: from that Halide concludes, before it checks bounds,
// that rows need no clamping, and then finds that they do.
bool can_skip_rows(const ConvShape& shape);

// Whether registers are left for pixels that several unrolled taps use. Where they are not, unrolling taps spills.
bool taps_share_pixels(const ConvTile& tile, const Target& target);

// All tiles whose accumulators and operands fit into the registers and whose code stays small. Never empty.
std::vector<ConvTile> conv_tiles(const ConvShape& shape, const Target& target);

// Estimated cycles a multiply-add vector that has to be computed (1 / fma_per_cycle is perfect, skipped padding is
// better).
double conv_tile_cost(const ConvShape& shape, const ConvTile& tile, const Target& target);

// Those of conv_tiles() that cost at most `slack` times the cheapest, cheapest first. Never empty.
std::vector<ConvTile> good_conv_tiles(const ConvShape& shape, const Target& target, double slack);

}  // namespace tilesmith
