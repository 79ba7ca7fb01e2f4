// The template stream: few rows of A against a B that is read once, row by row, without packing: bound by memory. Or
// few columns of B against an A that is stored by columns: the same with the sides exchanged. Below, the few are called
// thin, and the streamed operand's rows run along the wide axis.
//
// The sums of a block of columns stay in the L1 or L2 cache while rows of B pass by, several at a time, each read from
// end to end as a cache line stream. Blocks of columns are whole vectors and no longer than n, and the last one starts
// earlier; one block of all columns guards its last vector instead. So nothing is read or written outside.
//
// Where memory is the limit, lines of B are asked for some way `ahead` of their reading: a processor's own prefetching
// ends with each page and waits where several rows of A keep it computing.
//
// Threads share out the columns, or the rows of B (parallel=k): then each reads one stretch of memory from end to end,
// which memory likes better than pieces of every row, and their sums are added up.
#include "schedules/template_rows.h"

#include <Halide.h>

#include <algorithm>
#include <vector>

#include "schedules/blocks/epilogue.h"
#include "schedules/blocks/tiling.h"
#include "schedules/matmul/operands.h"
#include "schedules/pipeline.h"

namespace tilesmith {
namespace {

TemplateId id() { return {"stream", 3}; }

constexpr int64_t kMostRows = 8;
constexpr int64_t kElementBytes = 4;
constexpr int64_t kLeastColumns = 256;  // of a block
constexpr int64_t kLeastShare = 128;    // rows of B a thread

struct Sides {
    explicit Sides(const MatmulShape& shape, const Target& target)
        : b_is_wide(!shape.tb && shape.m <= kMostRows && shape.n >= target.lanes(4)),
          thin(b_is_wide ? shape.m : shape.n),
          wide(b_is_wide ? shape.n : shape.m),
          k(shape.k),
          apply(b_is_wide || (shape.ta && shape.n <= kMostRows && shape.m >= target.lanes(4))) {}

    bool b_is_wide;
    int64_t thin, wide, k;
    bool apply;  // whether the template does
};

// Columns in a block: all of them, or whole vectors; the sums take at most a quarter of the L2 cache. Those that fit L1
// cost less to update, longer ones read longer stretches of B: a processor's prefetching ends with each page.
std::vector<int64_t> column_blocks(const Sides& sides, const Target& target) {
    const int64_t lanes = target.lanes(4);
    const int64_t most = std::max(lanes, target.l2_bytes / 4 / kElementBytes / sides.thin);
    std::vector<int64_t> blocks;
    for (const int64_t vectors : balanced_blocks(sides.wide / lanes, 1, most / lanes))
        if (vectors * lanes <= sides.wide && little_waste(sides.wide, vectors * lanes))
            blocks.push_back(vectors * lanes);
    // Short stretches of a row are what the hardware's prefetching is bad at.
    const int64_t longest = blocks.empty() ? 0 : blocks.back();
    std::erase_if(blocks, [&](int64_t block) { return block < std::min(longest, kLeastColumns); });
    if (sides.wide <= most && (blocks.empty() || blocks.back() != sides.wide)) blocks.push_back(sides.wide);
    return blocks.empty() ? std::vector<int64_t>{lanes} : blocks;
}

bool applies(const Problem& problem, const Target& target) { return Sides(MatmulShape(problem), target).apply; }

Space space(const Problem& problem, const Target& target, const Conditions& conditions) {
    const Sides sides(MatmulShape(problem), target);
    std::vector<Decision> decisions;
    decisions.push_back({"n_block", [=](const Schedule&) { return values_of(column_blocks(sides, target)); }});
    decisions.push_back({"k_rows", [=](const Schedule&) {
                             std::vector<int64_t> rows;
                             for (const int64_t count : {4, 6, 8, 12, 16})
                                 if (count <= sides.k && count * sides.thin <= 48) rows.push_back(count);
                             return values_of(rows.empty() ? std::vector<int64_t>{std::min<int64_t>(sides.k, 2)}
                                                           : rows);
                         }});
    decisions.push_back({"n_unroll", [=](const Schedule& s) {
                             std::vector<int64_t> unrolls;
                             for (const int64_t unroll : {1, 2, 4})
                                 if (unroll == 1 || (s.number("n_block") % (unroll * target.lanes(4)) == 0 &&
                                                     unroll * s.number("k_rows") * sides.thin <= 64))
                                     unrolls.push_back(unroll);
                             return values_of(unrolls);
                         }});
    // Elements of a row that are asked for ahead of their reading; whole rows end where the next ones begin, so short
    // ones may be asked for a step ahead.
    decisions.push_back({"ahead", [=](const Schedule& s) {
                             constexpr int64_t kMostAhead = 8192;  // elements: of an L1 cache of 48 KB two thirds
                             std::vector<int64_t> elements{0};
                             if (sides.wide * sides.k * kElementBytes <= target.l1_bytes) return values_of(elements);
                             for (const int64_t count : {64, 256, 1024})
                                 if (count < s.number("n_block")) elements.push_back(count);
                             const int64_t step = s.number("k_rows") * sides.wide;
                             if (s.number("n_block") == sides.wide && step <= kMostAhead) elements.push_back(step);
                             return values_of(elements);
                         }});
    if (conditions.threads > 1)
        decisions.push_back({"parallel", [=](const Schedule&) {
                                 std::vector<Value> axes{"n"};
                                 if (sides.k / conditions.threads >= kLeastShare) axes.emplace_back("k");
                                 return axes;
                             }});
    return {id(), decisions};
}

Schedule worked_out(const Problem& problem, const Target& target, const Conditions& conditions) {
    const MatmulShape shape(problem);
    const Sides sides(shape, target);
    // Rows of B as long as the sums' cache allows; or, where k is too short to share out, one task a thread at least.
    const bool shares_k = sides.k / conditions.threads >= kLeastShare;
    const int64_t tasks = shares_k ? 1 : std::max<int64_t>(1, ceil_div(conditions.threads, shape.b));
    Schedule wish(id());
    wish.set("n_block", ceil_div(sides.wide, tasks)).set("k_rows", int64_t{8}).set("n_unroll", int64_t{2});
    wish.set("ahead", int64_t{sides.wide * sides.k * kElementBytes > target.l2_bytes ? 256 : 0})
        .set("parallel", shares_k ? "k" : "n");
    return *space(problem, target, conditions).repair(wish);
}

Pipeline build(const Problem& problem, const Schedule& schedule, const Target& target, const Conditions& conditions) {
    using Halide::TailStrategy;
    const MatmulShape shape(problem);
    const MatmulOperands in(shape);
    const Sides sides(shape, target);
    const int lanes = target.lanes(4);
    const int n_block = as_int(schedule.number("n_block"));
    const int k_rows = as_int(schedule.number("k_rows"));
    const int n_unroll = as_int(schedule.number("n_unroll"));
    const bool parallel = schedule.find("parallel") != nullptr;
    const bool shares_k = parallel && schedule.choice("parallel") == "k";
    const int shares = shares_k ? conditions.threads : 1;
    const int depth = as_int(sides.k) / shares / k_rows * k_rows;

    Halide::Var n("n"), m("m"), batch("batch"), wide_blk("n_blk"), share("share"), task("task");
    const Halide::Var wide = sides.b_is_wide ? n : m, thin = sides.b_is_wide ? m : n;
    Halide::Func sums("sums"), partial("partial"), rest_sums("rest_sums"), out("out");
    const Halide::RDom step(0, depth / k_rows, "step");
    const auto product = [&](const Halide::Expr& at) { return in.a(m, at, batch) * in.b(n, at, batch); };
    const int remains = as_int(sides.k) - depth * shares;
    Halide::Expr rest = 0.0F;
    if (remains <= kMostWrittenOut) {
        for (int at = depth * shares; at < as_int(sides.k); ++at) rest += product(at);
    } else {  // of many shares, never of one
        const Halide::RDom row(depth * shares, remains, "row");
        rest_sums(wide, thin, batch) = 0.0F;
        rest_sums(wide, thin, batch) += product(row);
        rest_sums.compute_at(out, thin)
            .bound_extent(wide, as_int(sides.wide))
            .bound_extent(thin, 1)
            .bound_extent(batch, 1);
        rest_sums.vectorize(wide, lanes, TailStrategy::ShiftInwards);
        rest_sums.update().reorder(wide, row, thin, batch).vectorize(wide, lanes, TailStrategy::GuardWithIf);
        rest = rest_sums(wide, thin, batch);
    }
    sums(wide, thin, share, batch) = shares_k ? 0.0F : rest;
    Halide::Expr next = sums(wide, thin, share, batch);
    for (int row = 0; row < k_rows; ++row) next += product(share * depth + step * k_rows + row);
    sums(wide, thin, share, batch) = next;
    partial(wide, thin, share, batch) = sums(wide, thin, share, batch);
    Halide::Expr total = shares_k ? rest : sums(wide, thin, 0, batch);
    for (int of = 0; shares_k && of < shares; ++of) total += partial(wide, thin, of, batch);
    const EpilogueInputs epilogue = epilogue_inputs(problem, shape.output_extents());
    out(n, m, batch) = apply_epilogue(problem, epilogue, total, {n, m, batch});

    const TailStrategy tail = n_block % lanes == 0 ? TailStrategy::Auto : TailStrategy::GuardWithIf;
    const auto bound = [&](Halide::Func& whole) {
        whole.bound(wide, 0, as_int(sides.wide)).bound(thin, 0, as_int(sides.thin)).bound(batch, 0, as_int(shape.b));
    };
    bound(out);
    if (shares_k) {
        bound(partial);
        partial.compute_root().bound(share, 0, shares);
        out.reorder(wide, thin, batch).vectorize(wide, lanes, TailStrategy::ShiftInwards);
    }
    Halide::Func& blocks = shares_k ? partial : out;
    const Halide::Var outer = shares_k ? share : wide_blk;
    blocks.split(wide, wide_blk, wide, n_block, TailStrategy::ShiftInwards)
        .vectorize(wide, lanes, tail)
        .partition(wide_blk, Halide::Partition::Never);
    if (shares_k)
        blocks.reorder(wide, thin, wide_blk, share, batch);
    else
        blocks.reorder(wide, thin, wide_blk, batch);
    if (parallel) blocks.fuse(outer, batch, task).parallel(task);
    sums.compute_at(blocks, shares_k || !parallel ? wide_blk : task);
    sums.bound_extent(wide, n_block)
        .bound_extent(thin, as_int(sides.thin))
        .bound_extent(share, 1)
        .bound_extent(batch, 1);
    sums.vectorize(wide, lanes, tail);
    Halide::Var vector("vector");
    sums.update().split(wide, vector, wide, lanes, tail).reorder(wide, thin, vector, step).vectorize(wide).unroll(thin);
    if (n_unroll > 1) sums.update().unroll(vector, n_unroll);

    Pipeline pipeline;
    pipeline.run = {out, {in.a_buffer, in.b_buffer}, {shape.a_extents(), shape.b_extents()}, shape.output_extents()};
    epilogue.append_to(pipeline.run);
    if (schedule.number("ahead") > 0)
        pipeline.run.prefetches.emplace_back(StreamPrefetch{(sides.b_is_wide ? in.b_buffer : in.a_buffer).name(),
                                                            sums.name(), schedule.number("ahead")});
    return pipeline;
}

}  // namespace

Template stream_template() {
    return {id(),       "few rows of A while B is read once, row by row, unpacked; or few columns of B and A",
            {"matmul"}, applies,
            space,      worked_out,
            build};
}

}  // namespace tilesmith
