// The template tiles: transposes, tile by tile.
//
// Single elements change places in square tiles: rows of the input are loaded as vectors, turned in registers, and
// stored as vectors of the output. Where an axis is too short for a square, vectors run along the other one and its
// elements are interleaved. Runs of several elements are copied one by one. Tiles are taken in blocks that the L1 cache
// holds, so that every cache line is read and written once; the last tile of an axis starts earlier. Where the output
// is stored past the caches, a block is turned as a whole before it is stored.
#include "schedules/template_rows.h"

#include <Halide.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "schedules/blocks/streaming.h"
#include "schedules/blocks/tiling.h"
#include "schedules/pipeline.h"

namespace tilesmith {
namespace {

using Halide::Func;
using Halide::TailStrategy;
using Halide::Var;

TemplateId id() { return {"tiles", 1}; }

constexpr int64_t kLeastSquare = 4;
constexpr int64_t kMostSquare = 8;  // its rows and what they are turned into fill 16 registers
constexpr int64_t kMostBlockTiles = 64;
constexpr int64_t kMostRunVectors = 8;  // of a run that is unrolled

struct TransposeShape {
    explicit TransposeShape(const Problem& p) : b(p["b"]), m(p["m"]), n(p["n"]), c(p["c"]) {}

    int64_t b, m, n, c;

    [[nodiscard]] bool single() const { return c == 1; }
    [[nodiscard]] bool square() const { return single() && std::min(m, n) >= kLeastSquare; }
    [[nodiscard]] bool along_n() const { return n >= m; }
    // Where an axis is too short for a square, all of it is in a tile.
    [[nodiscard]] int64_t tile_m(int64_t side) const { return square() || !single() || !along_n() ? side : m; }
    [[nodiscard]] int64_t tile_n(int64_t side) const { return square() || !single() || along_n() ? side : n; }
    [[nodiscard]] int64_t tiles_m(int64_t side) const { return ceil_div(m, tile_m(side)); }
    [[nodiscard]] int64_t tiles_n(int64_t side) const { return ceil_div(n, tile_n(side)); }
};

// The largest power of two up to both.
int64_t vector_length(int64_t extent, int64_t lanes) { return powers_of_two(std::min(extent, lanes)).back(); }

std::vector<int64_t> sides(const TransposeShape& shape, int64_t lanes) {
    if (!shape.single()) return {1};
    if (!shape.square()) return {vector_length(std::max(shape.m, shape.n), lanes)};
    std::vector<int64_t> lengths = powers_of_two(std::min({kMostSquare, lanes, shape.m, shape.n}));
    std::erase_if(lengths, [](int64_t length) { return length < kLeastSquare; });
    return lengths;
}

class Build {
  public:
    Build(const Problem& problem, const Schedule& schedule, const Target& target)
        : shape_(problem),
          lanes_(target.lanes(4)),
          tile_m_(as_int(shape_.tile_m(schedule.number("side")))),
          tile_n_(as_int(shape_.tile_n(schedule.number("side")))),
          block_m_(as_int(schedule.number("block_m"))),
          block_n_(as_int(schedule.number("block_n"))),
          m_inside_(schedule.choice("inner") == "m"),
          stream_(streams_output(schedule)),
          task_(schedule.find("task") != nullptr ? as_int(schedule.number("task")) : 0),
          x_(Halide::Float(32), shape_.single() ? 3 : 4, "x") {}

    Pipeline pipeline() {
        define();
        const bool in_memory = shape_.square() && stream_;
        if (!in_memory) schedule_loops();
        if (in_memory)
            schedule_square_blocks();
        else if (shape_.square())
            schedule_square();
        else if (shape_.single())
            schedule_strip();
        else
            schedule_run();
        Pipeline pipeline;
        pipeline.run = {out_, {x_}, {extents(shape_.n, shape_.m)}, extents(shape_.m, shape_.n)};
        pipeline.run.stream_output = stream_;
        return pipeline;
    }

  private:
    void define();
    void schedule_loops();
    void share_out();
    void schedule_square();
    void schedule_square_blocks();
    void schedule_strip();
    void schedule_run();

    // Innermost first; single elements have no axis of their own.
    [[nodiscard]] std::vector<int64_t> extents(int64_t first, int64_t second) const {
        return shape_.single() ? std::vector{first, second, shape_.b} : std::vector{shape_.c, first, second, shape_.b};
    }

    TransposeShape shape_;
    int lanes_, tile_m_, tile_n_, block_m_, block_n_;
    bool m_inside_, stream_;
    int task_;
    Halide::ImageParam x_;

    Var c_{"c"}, m_{"m"}, n_{"n"}, b_{"b"}, m_tile_{"m_tile"}, n_tile_{"n_tile"}, m_block_{"m_block"},
        n_block_{"n_block"}, block_{"block"}, piece_{"piece"}, task_var_{"task"};
    Func rows_{"rows"}, turned_{"turned"}, out_{"out"};
};

void Build::define() {
    if (shape_.square()) {
        rows_(n_, m_, b_) = x_(n_, m_, b_);
        turned_(m_, n_, b_) = rows_(n_, m_, b_);
        out_(m_, n_, b_) = turned_(m_, n_, b_);
    } else if (shape_.single()) {
        out_(m_, n_, b_) = x_(n_, m_, b_);
    } else {
        out_(c_, m_, n_, b_) = x_(c_, n_, m_, b_);
    }
}

// Blocks of tiles; a piece of work is one block.
void Build::schedule_loops() {
    if (!shape_.single()) out_.bound(c_, 0, as_int(shape_.c));
    out_.bound(m_, 0, as_int(shape_.m))
        .bound(n_, 0, as_int(shape_.n))
        .bound(b_, 0, as_int(shape_.b))
        .split(m_, m_tile_, m_, tile_m_, TailStrategy::ShiftInwards)
        .split(n_, n_tile_, n_, tile_n_, TailStrategy::ShiftInwards)
        .split(m_tile_, m_block_, m_tile_, block_m_, TailStrategy::GuardWithIf)
        .split(n_tile_, n_block_, n_tile_, block_n_, TailStrategy::GuardWithIf)
        .reorder({m_, n_, m_inside_ ? m_tile_ : n_tile_, m_inside_ ? n_tile_ : m_tile_, m_block_, n_block_, b_});
    share_out();
}

void Build::share_out() {
    if (task_ == 0) return;
    out_.fuse(m_block_, n_block_, block_)
        .fuse(block_, b_, piece_)
        .split(piece_, task_var_, piece_, task_, TailStrategy::GuardWithIf)
        .parallel(task_var_);
}

void Build::schedule_square() {
    out_.vectorize(m_).unroll(n_);
    for (Func* const stage : {&rows_, &turned_})
        stage->compute_at(out_, m_inside_ ? m_tile_ : n_tile_)
            .bound_extent(m_, tile_m_)
            .bound_extent(n_, tile_n_)
            .bound_extent(b_, 1);
    rows_.vectorize(n_).unroll(m_);
    turned_.vectorize(m_).unroll(n_);
}

// For an output that is stored past the caches: a block is turned in the cache, and then stored row by row, so that
// whole lines follow each other.
void Build::schedule_square_blocks() {
    const int columns = std::min(block_m_ * tile_m_, as_int(shape_.m));
    const int rows = std::min(block_n_ * tile_n_, as_int(shape_.n));
    const int length = as_int(vector_length(columns, lanes_));
    const Var vector("vector");
    out_.bound(m_, 0, as_int(shape_.m))
        .bound(n_, 0, as_int(shape_.n))
        .bound(b_, 0, as_int(shape_.b))
        .split(m_, m_block_, m_, columns, TailStrategy::ShiftInwards)
        .split(n_, n_block_, n_, rows, TailStrategy::ShiftInwards)
        .split(m_, vector, m_, length, TailStrategy::ShiftInwards)
        .reorder({m_, vector, n_, m_block_, n_block_, b_})
        .vectorize(m_)
        .partition(vector, Halide::Partition::Never);
    if (ceil_div(columns, length) <= kMostRunVectors) out_.unroll(vector);
    share_out();
    const Var inner = m_inside_ ? m_tile_ : n_tile_;
    turned_.compute_at(out_, task_ == 0 ? m_block_ : piece_)
        .bound_extent(m_, columns)
        .bound_extent(n_, rows)
        .bound_extent(b_, 1)
        .split(m_, m_tile_, m_, tile_m_, TailStrategy::ShiftInwards)
        .split(n_, n_tile_, n_, tile_n_, TailStrategy::ShiftInwards)
        .reorder({m_, n_, inner, m_inside_ ? n_tile_ : m_tile_})
        .vectorize(m_)
        .unroll(n_);
    rows_.compute_at(turned_, inner)
        .bound_extent(m_, tile_m_)
        .bound_extent(n_, tile_n_)
        .bound_extent(b_, 1)
        .vectorize(n_)
        .unroll(m_);
}

void Build::schedule_strip() {
    const Var along = shape_.along_n() ? n_ : m_;
    out_.unroll(shape_.along_n() ? m_ : n_);
    if (std::max(tile_m_, tile_n_) > 1) out_.vectorize(along);
}

void Build::schedule_run() {
    const Var vector("vector");
    const int length = as_int(vector_length(shape_.c, lanes_));
    out_.split(c_, vector, c_, length, TailStrategy::ShiftInwards)
        .vectorize(c_)
        .partition(vector, Halide::Partition::Never);
    if (ceil_div(shape_.c, length) <= kMostRunVectors) out_.unroll(vector);
}

bool applies(const Problem&, const Target&) { return true; }

Space space(const Problem& problem, const Target& target, const Conditions& conditions) {
    const TransposeShape shape(problem);
    const int64_t lanes = target.lanes(4);
    const auto blocks = [](int64_t tiles) { return values_of(balanced_blocks(tiles, 1, kMostBlockTiles)); };
    std::vector<Decision> decisions;
    // Of a tile, in elements.
    decisions.push_back({"side", [=](const Schedule&) { return values_of(sides(shape, lanes)); }});
    // Of a block, in tiles.
    decisions.push_back({"block_m", [=](const Schedule& s) { return blocks(shape.tiles_m(s.number("side"))); }});
    decisions.push_back({"block_n", [=](const Schedule& s) { return blocks(shape.tiles_n(s.number("side"))); }});
    // The innermost loop over tiles: "m" writes a run of the output, "n" reads one of the input.
    decisions.push_back({"inner", [](const Schedule&) { return std::vector<Value>{"m", "n"}; }});
    append_store(decisions, problem, target);
    if (conditions.threads > 1)
        decisions.push_back(
            {"task", [=](const Schedule& s) {
                 const int64_t side = s.number("side");
                 const int64_t m = s.number("block_m"), n = s.number("block_n");
                 const int64_t count = ceil_div(shape.tiles_m(side), m) * ceil_div(shape.tiles_n(side), n) * shape.b;
                 return values_of(task_lengths(count, m * shape.tile_m(side) * n * shape.tile_n(side) * shape.c));
             }});
    return {id(), decisions};
}

Schedule worked_out(const Problem& problem, const Target& target, const Conditions& conditions) {
    const TransposeShape shape(problem);
    const bool runs = shape.c >= target.lanes(4) && aligned_rows(shape.c);
    const char* const store = worked_out_store(problem, target, shape.square() ? aligned_rows(shape.m) : runs);
    Schedule wish(id());
    // Squares of 64 x 64 elements are 16 KiB on either side. So are 32 rows of 128, which are read in longer runs,
    // where blocks are turned in the cache.
    const bool turned_in_cache = shape.square() && store == std::string_view("stream");
    wish.set("side", kMostSquare).set("inner", "m").set("store", store).set("task", int64_t{1});
    wish.set("block_m", int64_t{turned_in_cache ? 4 : 8}).set("block_n", int64_t{turned_in_cache ? 16 : 8});
    return *space(problem, target, conditions).repair(wish);
}

Pipeline build(const Problem& problem, const Schedule& schedule, const Target& target, const Conditions&) {
    return Build(problem, schedule, target).pipeline();
}

}  // namespace

Template tiles_template() {
    return {id(),          "square tiles turned in registers, runs copied, in blocks for the cache",
            {"transpose"}, applies,
            space,         worked_out,
            build};
}

}  // namespace tilesmith
