// The template fold_columns: reductions whose kept axis is the innermost one.
//
// A block of columns is combined row after row: a few vectors of them in registers, or a longer block in the L1 cache,
// several rows at a time, so that whole cache lines are read in their order. Where a row is below a vector, `lanes`
// rows lie side by side as one row of whole vectors, and the results are combined at the end. Few blocks of many rows
// are cut into chunks of rows, one task each. Where kept and reduced axes go on alternating further out, the loops over
// the reduced ones stand around the rows.
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
using Halide::RVar;
using Halide::TailStrategy;
using Halide::Var;

TemplateId id() { return {"fold_columns", 1}; }

constexpr int64_t kMostRegisters = 8;       // vectors of a block that stays in registers
constexpr int64_t kMostBlockVectors = 512;  // of one in the L1 cache: 16 KiB of 8 lanes
constexpr int64_t kMostUnrolled = 64;       // vectors in the inner loop's code
constexpr int64_t kMostRows = 8;            // at a time

// How x[outer,reduced,kept] is read: as x[outer,groups,width], `side` rows side by side. Loops around them change
// nothing of that.
struct Layout {
    Layout(const Problem& problem, const Target& target)
        : shape(problem),
          lanes(target.lanes(4)),
          side(shape.kept < lanes && shape.reduced >= lanes ? lanes : 1),
          width(shape.kept * side),
          groups(shape.reduced / side) {
        // Short rows and few of them.
        if (shape.nested() && shape.kept < lanes && side == 1) lanes = powers_of_two(shape.kept).back();
    }

    FoldShape shape;
    int64_t lanes, side, width, groups;

    // Whether a row is cut into blocks; else a block is one of the `width` elements.
    [[nodiscard]] bool in_blocks() const { return shape.kept >= lanes; }
    [[nodiscard]] int64_t block(int64_t vectors) const { return in_blocks() ? vectors * lanes : width; }
    [[nodiscard]] int64_t blocks(int64_t vectors) const { return ceil_div(width, block(vectors)) * shape.outer; }
    // Elements that are combined to one block.
    [[nodiscard]] int64_t block_terms(int64_t vectors) const { return block(vectors) * groups * shape.times; }
    [[nodiscard]] bool in_registers(int64_t vectors) const { return !in_blocks() || vectors <= kMostRegisters; }
    [[nodiscard]] int64_t vectors_at_once(int64_t vectors) const {
        return in_registers(vectors) ? ceil_div(block(vectors), lanes) : 1;
    }
};

class Build {
  public:
    Build(const Problem& problem, const Schedule& schedule, const Target& target)
        : fold_(problem),
          layout_(problem, target),
          shape_(layout_.shape),
          lanes_(as_int(layout_.lanes)),
          kept_(as_int(shape_.kept)),
          width_(as_int(layout_.width)),
          block_(as_int(layout_.block(schedule.number("vectors")))),
          unroll_(as_int(schedule.number("unroll"))),
          chunks_(schedule.find("chunks") != nullptr ? as_int(schedule.number("chunks")) : 1),
          task_(schedule.find("task") != nullptr && chunks_ == 1 ? as_int(schedule.number("task")) : 0),
          steps_(as_int(layout_.groups) / (unroll_ * chunks_) * unroll_),
          in_registers_(layout_.in_registers(schedule.number("vectors"))) {}

    Pipeline pipeline() {
        define();
        out_.bound(k_, 0, kept_).bound(o_, 0, as_int(shape_.outer));
        const Var level = schedule_output();
        if (chunks_ > 1)
            schedule_partial(chunk_block_, schedule_chunks());
        else
            schedule_partial(out_, level);
        if (!direct()) schedule_total(level);
        Pipeline pipeline;
        pipeline.run = {out_, {x_}, {shape_.input_extents({shape_.kept * shape_.reduced})}, shape_.output_extents()};
        return pipeline;
    }

  private:
    void define();
    Var schedule_output();
    Var schedule_chunks();
    void schedule_partial(const Func& consumer, const Var& level);
    void schedule_total(const Var& level);
    void block_columns(Func stage, const Var& column) const;

    // Whether the partial results are the results.
    [[nodiscard]] bool direct() const { return chunks_ == 1 && layout_.side == 1; }
    // Rows that steps take.
    [[nodiscard]] int done() const { return steps_ * chunks_ * as_int(layout_.side); }

    Fold fold_;
    Layout layout_;
    FoldShape shape_;
    int lanes_, kept_, width_, block_, unroll_, chunks_, task_;
    int steps_;  // of a chunk, each one row of `width_`
    bool in_registers_;

    Var k_{"k"}, o_{"o"}, chunk_{"chunk"}, k_block_{"k_block"}, vector_{"vector"}, lane_{"lane"}, row_{"row"},
        task_var_{"task"};
    RDom step_, piece_, rest_;
    Halide::ImageParam x_{Halide::Float(32), 1 + as_int(std::ssize(shape_.around)), "x"};
    Func partial_{"partial"}, chunk_block_{"chunk_block"}, total_{"total"}, out_{"out"};
};

void Build::define() {
    const int reduced = as_int(shape_.reduced);
    Expr first = fold_.neutral();
    if (direct())
        for (int row = done(); row < reduced; ++row) {
            const Expr element = x_(k_ + row * kept_, o_);
            first = row == done() ? element : fold_.combine(first, element);
        }
    step_ = domain(shape_, {steps_}, "step");
    partial_(k_, chunk_, o_) = first;
    partial_(k_, chunk_, o_) = fold_.combine(
        partial_(k_, chunk_, o_), x_(element(shape_, {k_ + (chunk_ * steps_ + step_.x) * width_}, o_, step_)));
    chunk_block_(k_, chunk_, o_) = partial_(k_, chunk_, o_);
    if (direct()) {
        out_(k_, o_) = fold_.finish(partial_(k_, 0, o_));
        return;
    }
    piece_ = RDom(0, as_int(layout_.side), 0, chunks_, "piece");
    const Expr column = k_ + piece_.x * kept_;
    total_(k_, o_) = fold_.neutral();
    total_(k_, o_) = fold_.combine(total_(k_, o_),
                                   chunks_ > 1 ? chunk_block_(column, piece_.y, o_) : partial_(column, piece_.y, o_));
    if (done() < reduced) {
        rest_ = domain(shape_, {reduced - done()}, "rest");
        total_(k_, o_) =
            fold_.combine(total_(k_, o_), x_(element(shape_, {k_ + (done() + rest_.x) * kept_}, o_, rest_)));
    }
    out_(k_, o_) = fold_.finish(total_(k_, o_));
}

// Cuts the columns into blocks of vectors.
void Build::block_columns(Func stage, const Var& column) const {
    stage.split(column, k_block_, column, block_, TailStrategy::ShiftInwards)
        .partition(k_block_, Halide::Partition::Never)
        .split(column, vector_, lane_, lanes_)
        .vectorize(lane_);
    if (in_registers_) stage.unroll(vector_);
}

// Returns the level of one block.
Var Build::schedule_output() {
    Var level = o_;
    if (layout_.in_blocks()) {
        block_columns(out_, k_);
        level = k_block_;
        if (task_ == 0) return level;
        out_.fuse(k_block_, o_, row_);
        level = row_;
    } else {
        out_.unroll(k_);
        if (task_ == 0) return level;
    }
    out_.split(level, task_var_, level, task_, TailStrategy::GuardWithIf).parallel(task_var_);
    return level;
}

Var Build::schedule_chunks() {
    chunk_block_.compute_root().bound(k_, 0, width_).bound(chunk_, 0, chunks_).bound(o_, 0, as_int(shape_.outer));
    block_columns(chunk_block_, k_);
    chunk_block_.fuse(k_block_, chunk_, row_).fuse(row_, o_, task_var_).parallel(task_var_);
    return task_var_;
}

void Build::schedule_partial(const Func& consumer, const Var& level) {
    partial_.compute_at(consumer, level).bound_extent(k_, block_).bound_extent(chunk_, 1).bound_extent(o_, 1);
    const bool vectors = block_ >= lanes_;
    if (vectors) partial_.vectorize(k_, lanes_);
    if (in_registers_) {
        partial_.unroll(k_);
        partial_.update().reorder(loops({k_}, step_, {chunk_, o_}));
        if (vectors) partial_.update().vectorize(k_, lanes_);
        partial_.update().unroll(k_);
        if (unroll_ > 1) partial_.update().unroll(step_.x, unroll_);
        return;
    }
    const RVar rows("rows"), row("row");
    partial_.update()
        .split(step_.x, rows, row, unroll_)
        .split(k_, vector_, lane_, lanes_)
        .reorder(loops({lane_, row, vector_, rows}, step_, {chunk_, o_}, 1))
        .vectorize(lane_)
        .unroll(row);
}

void Build::schedule_total(const Var& level) {
    const int columns = layout_.in_blocks() ? block_ : kept_;
    total_.compute_at(out_, level).bound_extent(k_, columns).bound_extent(o_, 1);
    total_.update(0).reorder(k_, piece_.x, piece_.y, o_);
    if (rest_.defined()) total_.update(1).reorder(loops({k_}, rest_, {o_}));
    if (!layout_.in_blocks()) return;
    total_.vectorize(k_, lanes_);
    total_.update(0).vectorize(k_, lanes_);
    if (rest_.defined()) total_.update(1).vectorize(k_, lanes_);
}

bool applies(const Problem& problem, const Target&) { return FoldShape(problem).inner == 1; }

// Blocks for registers, and balanced ones for the L1 cache, that repeat few columns.
std::vector<int64_t> block_vectors(const Layout& layout) {
    if (!layout.in_blocks()) return {1};
    std::vector<int64_t> counts;
    for (int64_t count = 1; count <= kMostRegisters; ++count) counts.push_back(count);
    for (const int64_t count : balanced_blocks(ceil_div(layout.width, layout.lanes), 1, kMostBlockVectors))
        if (count > kMostRegisters) counts.push_back(count);
    std::erase_if(counts, [&](int64_t count) {
        const int64_t block = count * layout.lanes;
        return count > 1 && (block > layout.width || !little_waste(layout.width, block));
    });
    return counts;
}

// Into how many parts of one length `rows` may be cut, or how long they may be. With loops around them no row may be
// left over, as it would be in each of these loops.
std::vector<int64_t> row_counts(const Layout& layout, int64_t rows, int64_t most) {
    if (!layout.shape.nested()) return powers_of_two(std::min(most, rows));
    std::vector<int64_t> counts{1};
    for (int64_t count = 2; count <= std::min(most, rows); ++count)
        if (rows % count == 0) counts.push_back(count);
    return counts;
}

Space space(const Problem& problem, const Target& target, const Conditions& conditions) {
    const Layout layout(problem, target);
    std::vector<Decision> decisions;
    decisions.push_back({"vectors", [=](const Schedule&) { return values_of(block_vectors(layout)); }});
    // Rows at a time.
    decisions.push_back({"unroll", [=](const Schedule& s) {
                             const int64_t most = kMostUnrolled / layout.vectors_at_once(s.number("vectors"));
                             return values_of(row_counts(layout, layout.groups, std::min(kMostRows, most)));
                         }});
    if (conditions.threads == 1) return {id(), decisions};
    decisions.push_back({"chunks", [=](const Schedule& s) {
                             const int64_t vectors = s.number("vectors");
                             const int64_t few = kMostChunksAThread * conditions.threads / layout.blocks(vectors);
                             const int64_t worth = layout.block_terms(vectors) / kLeastTaskElements;
                             const bool whole_vectors = layout.block(vectors) >= layout.lanes;
                             return values_of(row_counts(layout, layout.groups / s.number("unroll"),
                                                         whole_vectors ? std::min(few, worth) : 1));
                         }});
    // Of one task, where tasks are no chunks: blocks in a row.
    decisions.push_back({"task", [=](const Schedule& s) {
                             const int64_t vectors = s.number("vectors");
                             const int64_t count = layout.blocks(vectors);
                             if (s.number("chunks") > 1) return values_of({count});
                             return values_of(task_lengths(count, layout.block_terms(vectors)));
                         }});
    return {id(), decisions};
}

Schedule worked_out(const Problem& problem, const Target& target, const Conditions& conditions) {
    const Layout layout(problem, target);
    constexpr int64_t kWide = 32;  // vectors: beyond, blocks in registers leave most of a memory page unread
    const int64_t vectors = layout.width > kWide * layout.lanes ? 128 : 4;
    Schedule wish(id());
    wish.set("vectors", vectors).set("unroll", int64_t{4});
    const Space all = space(problem, target, conditions);
    const int64_t blocks = layout.blocks(all.repair(wish)->number("vectors"));
    wish.set("chunks", int64_t{blocks < conditions.threads ? conditions.threads : 1});
    wish.set("task", ceil_div(blocks, 2 * conditions.threads));
    return *all.repair(wish);
}

Pipeline build(const Problem& problem, const Schedule& schedule, const Target& target, const Conditions&) {
    return Build(problem, schedule, target).pipeline();
}

}  // namespace

Template fold_columns_template() {
    return {id(),
            "reductions of rows to one, column by column, blocks in registers or in the cache",
            {"reduce_sum", "reduce_max", "reduce_mean"},
            applies,
            space,
            worked_out,
            build};
}

}  // namespace tilesmith
