#include "schedules/conv/tile.h"

#include <algorithm>

#include "schedules/blocks/tiling.h"

namespace tilesmith {
namespace {

// Cycles from the start of a multiply-add until its result can be added to again; 4 or 5 on every core of the last
// decade.
constexpr double kLatencyCycles = 4;
// Vector multiply-adds in one unrolled body: 100 ms of compiling.
constexpr int64_t kMostUnrolled = 240;
// Starting a tile, clearing and writing it out: cycles a tile and cycles an accumulator.
constexpr double kTileCycles = 12;
constexpr double kAccumulatorCycles = 1.5;

// Of the pixels that unrolled taps read, those that were not in a register already.
constexpr double kUnsharedPixels = 0.75;
// The share of its loads a core starts when every multiply-add waits for one.
constexpr double kLoadShare = 0.7;

// `products` multiply-adds of pixels with each of `vectors` vectors of weights, that keep every accumulator busy
// `depth` times; `loads` is what is loaded.
double step_cycles(double products, double vectors, double loads, double depth, const Target& target) {
    return std::max({products * vectors / target.fma_per_cycle, loads / (kLoadShare * target.loads_per_cycle),
                     depth * kLatencyCycles});
}

// How many of the output positions [first, last) have tap `tap` inside the input.
int64_t inside(int64_t first, int64_t last, int64_t tap, int64_t stride, int64_t dilation, int64_t pad,
               int64_t extent) {
    const int64_t offset = tap * dilation - pad;  // of the element that position 0 reads
    // How many positions, from 0 on, read elements below `bound`.
    const auto positions = [&](int64_t bound) { return ceil_div(std::max<int64_t>(0, bound - offset), stride); };
    return std::max<int64_t>(0, std::min(last, positions(extent)) - std::max(first, positions(0)));
}

// Cycles for one kernel row, inside for `rows` rows of the tiles, of one strip of tiles over a whole output row: a unit
// of reduction.
double strip_cycles(const ConvShape& s, const ConvTile& t, int64_t rows, const Target& target) {
    const auto vectors = static_cast<double>(t.vectors);
    if (t.padding != kPadSkip) {
        const auto pixels = static_cast<double>(t.columns * rows);
        const double tile = step_cycles(pixels, vectors, pixels + vectors, 1, target);
        return tile * static_cast<double>(s.kw * ceil_div(s.ow, t.columns));
    }
    double cycles = 0;
    for (int64_t x = 0; x < s.ow; x += t.columns) {
        double products = 0;
        for (int64_t k = 0; k < s.kw; ++k)
            products += static_cast<double>(
                rows * inside(x, std::min(s.ow, x + t.columns), k, s.stride_w, s.dilation_w, s.pad_w, s.w));
        const auto taps = static_cast<double>(s.kw);
        const double pixel_loads = (taps_share_pixels(t, target) ? kUnsharedPixels : 1) * products;
        cycles += step_cycles(products, vectors, pixel_loads + taps * vectors, taps, target);
    }
    return cycles;
}

// The same for all kernel rows and strips.
double all_strips_cycles(const ConvShape& s, const ConvTile& t, const Target& target) {
    if (!skips_rows(t.padding))
        return static_cast<double>(s.kh * ceil_div(s.oh, t.rows)) * strip_cycles(s, t, t.rows, target);
    double cycles = 0;
    for (int64_t y = 0; y < s.oh; y += t.rows)
        for (int64_t k = 0; k < s.kh; ++k) {
            const int64_t rows = inside(y, std::min(s.oh, y + t.rows), k, s.stride_h, s.dilation_h, s.pad_h, s.h);
            if (rows > 0) cycles += strip_cycles(s, t, rows, target);
        }
    return cycles;
}

bool fits(const ConvShape& s, const ConvTile& t, const Target& target) {
    // A step loads all its vectors of weights and passes one pixel after the other through one more register (or two,
    // where weights are used so often that loads move ahead).
    const int64_t registers = t.accumulators() + t.vectors + (t.vectors == 1 ? 2 : 1);
    if (registers > target.vector_registers) return false;
    if (t.all_written_out()) {
        // The compiler keeps every pixel that several taps use.
        const bool spills = t.accumulators() + t.pixels() + t.vectors > target.vector_registers;
        return !spills && s.flat() && unrolled_taps(s, t) <= kMostAllWrittenOut;
    }
    if (t.padding == kPadSkip) return unrolled_taps(s, t) <= kMostUnrolled;
    return true;
}

std::vector<std::string> paddings(const ConvShape& s) {
    if (s.strided_points()) return {kPadNone, kPadGather};
    if (!s.padded()) return {kPadNone};
    if (!can_skip_rows(s)) return {kPadCopy};
    std::vector<std::string> choices{kPadSkip, kPadSkipRows, kPadCopy};
    // Of a single row the tiles are cut into blocks, each of which would have edges.
    if (s.oh > 1 && s.pads_columns()) choices.push_back(kPadEdges);
    return choices;
}

}  // namespace

ConvShape merged(const ConvShape& shape) {
    ConvShape s = shape;
    if (shape.flat()) {
        s.n = shape.n * shape.d;
        s.d = s.od = 1;
    }
    if (shape.pointwise()) {
        s.w = s.ow = s.n * shape.h * shape.w;
        s.n = s.h = s.oh = 1;
    } else if (shape.flat() && shape.kh == 1 && shape.stride_h == 1 && shape.pad_h == 0 && shape.pad_h_end == 0) {
        s.h = s.oh = s.n * shape.h;
        s.n = 1;
    }
    return s;
}

ConvShape as_read(const ConvShape& shape, const std::string& padding) {
    if (padding != kPadGather) return shape;
    ConvShape s = shape;
    s.w = s.ow = s.n * s.oh * s.ow;
    s.n = s.h = s.oh = 1;
    s.stride_h = s.stride_w = 1;
    return s;
}

bool skips_rows(const std::string& padding) {
    return padding == kPadSkip || padding == kPadSkipRows || padding == kPadEdges;
}

bool can_skip_rows(const ConvShape& shape) { return shape.kh > 1 || (shape.pad_h == 0 && shape.pad_h_end == 0); }

bool taps_share_pixels(const ConvTile& tile, const Target& target) {
    const int64_t more_pixels = tile.vectors == 1 ? 5 : 3;
    return tile.accumulators() + tile.vectors + more_pixels <= target.vector_registers;
}

int64_t unrolled_taps(const ConvShape& shape, const ConvTile& tile) {
    const int64_t strips = tile.padding == kPadSkip ? shape.ow : tile.columns;
    const int64_t row = strips * tile.vectors * shape.kw;
    return tile.all_written_out() ? row * shape.oh * shape.kh : row * tile.rows;
}

std::vector<ConvTile> conv_tiles(const ConvShape& shape, const Target& target) {
    constexpr int64_t kMostVectors = 4;
    constexpr int64_t kMostRows = 4;
    const int64_t most_vectors = std::min(kMostVectors, ceil_div(shape.group_co(), target.lanes(4)));
    std::vector<ConvTile> tiles;
    for (const std::string& padding : paddings(shape)) {
        const ConvShape read = as_read(shape, padding);
        const bool several_rows = padding == kPadNone || padding == kPadCopy || padding == kPadSkip;
        const int64_t most_rows = several_rows ? std::min(kMostRows, read.oh) : 1;
        for (int64_t vectors = 1; vectors <= most_vectors; ++vectors)
            for (int64_t rows = 1; rows <= most_rows; ++rows)
                for (int64_t columns = 1; columns <= std::min<int64_t>(read.ow, target.vector_registers); ++columns) {
                    const ConvTile tile{padding, vectors, rows, columns};
                    if (fits(read, tile, target)) tiles.push_back(tile);
                }
    }
    return tiles;
}

double conv_tile_cost(const ConvShape& shape, const ConvTile& t, const Target& target) {
    const ConvShape s = as_read(shape, t.padding);
    const int64_t channel_vectors = ceil_div(s.group_co(), target.lanes(4));
    const auto channels = static_cast<double>(s.group_ci());
    const auto tiles = static_cast<double>(ceil_div(s.oh, t.rows) * ceil_div(s.ow, t.columns));
    const double cycles = channels * all_strips_cycles(s, t, target) +
                          tiles * (kTileCycles + kAccumulatorCycles * static_cast<double>(t.accumulators()));
    const auto panels = static_cast<double>(ceil_div(channel_vectors, t.vectors));
    const auto useful = static_cast<double>(s.oh * s.ow * s.kh * s.kw * channel_vectors) * channels;
    return cycles * panels / useful;
}

std::vector<ConvTile> good_conv_tiles(const ConvShape& shape, const Target& target, double slack) {
    std::vector<std::pair<double, ConvTile>> ranked;
    for (const ConvTile& tile : conv_tiles(shape, target))
        ranked.emplace_back(conv_tile_cost(shape, tile, target), tile);
    std::stable_sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<ConvTile> good;
    for (const auto& [cost, tile] : ranked)
        if (cost <= ranked.front().first * slack) good.push_back(tile);
    return good;
}

}  // namespace tilesmith
