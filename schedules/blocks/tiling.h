// Arithmetic on tiles: what the domains of tile sizes are made of. No Halide.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/schedule.h"
#include "core/target.h"

namespace tilesmith {

// Halide counts in int; extents are checked to fit.
constexpr int as_int(int64_t value) { return static_cast<int>(value); }

constexpr int64_t ceil_div(int64_t value, int64_t by) { return (value + by - 1) / by; }
constexpr int64_t round_up(int64_t value, int64_t to) { return ceil_div(value, to) * to; }

// Whether tiles of `tile` cover `extent` computing at most a seventh too much.
constexpr bool little_waste(int64_t extent, int64_t tile) { return round_up(extent, tile) * 7 <= extent * 8; }

// Those of `tiles` that waste little; where none does, the ones that waste least. `tiles` must not be empty.
std::vector<int64_t> frugal_tiles(int64_t extent, const std::vector<int64_t>& tiles);

// Block lengths that divide `count` tiles into 1, 2, 3, 4, 6, 8, 12, ... blocks of nearly equal length, ascending. Only
// those within [least, most]; the nearest one where none is. `count` is positive.
std::vector<int64_t> balanced_blocks(int64_t count, int64_t least, int64_t most);

constexpr int64_t kLeastTaskElements = 4096;  // a few microseconds: as long as waking a thread takes
constexpr int64_t kMostChunksAThread = 4;     // of a reduction: each has a result of its own
constexpr int64_t kLeastSharing = 4;          // tiles that share out what is prefetched
constexpr int64_t kMostWrittenOut = 64;       // products of a sum's rest; a longer one is a loop: bounds compile time
constexpr int64_t kMostAllWrittenOut = 512;   // of vectors, where every tile of an output is written out: the same

// How many of `count` pieces of work, of `elements` elements each, one task may take: balanced blocks of at least
// kLeastTaskElements elements where there are that many.
std::vector<int64_t> task_lengths(int64_t count, int64_t elements);

// 1, 2, 4, ..., at most `most`. Never empty.
std::vector<int64_t> powers_of_two(int64_t most);

// Whether a register tile of `rows` x `vectors` sums fits: a step of its reduction holds its vectors and one broadcast
// element beside them.
bool tile_fits_registers(int64_t rows, int64_t vectors, const Target& target);

// How many vectors wide a register tile over `extent` elements may be: 1 to 3.
std::vector<int64_t> tile_vectors(int64_t extent, int64_t lanes);
// Of these, the ones no wider than `extent`; it is at least `lanes`.
std::vector<int64_t> inner_tile_vectors(int64_t extent, int64_t lanes);
// How many rows high, beside `vectors` vectors, where there are `extent` rows: tiles that fit, and where the rows allow
// it with enough sums to hide the latency of a multiply-add. Never empty.
std::vector<int64_t> tile_rows(int64_t extent, int64_t vectors, const Target& target);

// 1, and those of 2, 4 and 8 that divide `length` and unroll a body of `body` multiply-adds to at most 64 of them.
std::vector<int64_t> unroll_factors(int64_t length, int64_t body);

std::vector<Value> values_of(const std::vector<int64_t>& numbers);
std::vector<Value> texts(const std::vector<std::string>& choices);

}  // namespace tilesmith
