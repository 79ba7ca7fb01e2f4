// The template stream: few rows of A against a B that is read once, row by row, without packing: bound by memory.
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

// Columns in a block: all of them, or whole vectors; the sums take at most a quarter of the L2 cache. Those that fit L1
// cost less to update, longer ones read longer stretches of B: a processor's prefetching ends with each page.
std::vector<int64_t> column_blocks(const MatmulShape& shape, const Target& target) {
    const int64_t lanes = target.lanes(4);
    const int64_t most = std::max(lanes, target.l2_bytes / 4 / kElementBytes / shape.m);
    std::vector<int64_t> blocks;
    for (const int64_t vectors : balanced_blocks(shape.n / lanes, 1, most / lanes))
        if (vectors * lanes <= shape.n && little_waste(shape.n, vectors * lanes)) blocks.push_back(vectors * lanes);
    // Short stretches of a row are what the hardware's prefetching is bad at.
    const int64_t longest = blocks.empty() ? 0 : blocks.back();
    std::erase_if(blocks, [&](int64_t block) { return block < std::min(longest, kLeastColumns); });
    if (shape.n <= most && (blocks.empty() || blocks.back() != shape.n)) blocks.push_back(shape.n);
    return blocks.empty() ? std::vector<int64_t>{lanes} : blocks;
}

bool applies(const Problem& problem, const Target& target) {
    const MatmulShape shape(problem);
    return !shape.tb && shape.m <= kMostRows && shape.n >= target.lanes(4);
}

Space space(const Problem& problem, const Target& target, const Conditions& conditions) {
    const MatmulShape shape(problem);
    std::vector<Decision> decisions;
    decisions.push_back({"n_block", [=](const Schedule&) { return values_of(column_blocks(shape, target)); }});
    decisions.push_back({"k_rows", [=](const Schedule&) {
                             std::vector<int64_t> rows;
                             for (const int64_t count : {4, 6, 8, 12, 16})
                                 if (count <= shape.k && count * shape.m <= 48) rows.push_back(count);
                             return values_of(rows.empty() ? std::vector<int64_t>{std::min<int64_t>(shape.k, 2)}
                                                           : rows);
                         }});
    decisions.push_back({"n_unroll", [=](const Schedule& s) {
                             std::vector<int64_t> unrolls;
                             for (const int64_t unroll : {1, 2, 4})
                                 if (unroll == 1 || (s.number("n_block") % (unroll * target.lanes(4)) == 0 &&
                                                     unroll * s.number("k_rows") * shape.m <= 64))
                                     unrolls.push_back(unroll);
                             return values_of(unrolls);
                         }});
    // Elements of a row that are asked for ahead of their reading; whole rows end where the next ones begin, so short
    // ones may be asked for a step ahead.
    decisions.push_back({"ahead", [=](const Schedule& s) {
                             constexpr int64_t kMostAhead = 8192;  // elements: of an L1 cache of 48 KB two thirds
                             std::vector<int64_t> elements{0};
                             if (shape.n * shape.k * kElementBytes <= target.l1_bytes) return values_of(elements);
                             for (const int64_t count : {64, 256, 1024})
                                 if (count < s.number("n_block")) elements.push_back(count);
                             const int64_t step = s.number("k_rows") * shape.n;
                             if (s.number("n_block") == shape.n && step <= kMostAhead) elements.push_back(step);
                             return values_of(elements);
                         }});
    if (conditions.threads > 1)
        decisions.push_back({"parallel", [=](const Schedule&) {
                                 std::vector<Value> axes{"n"};
                                 if (shape.k / conditions.threads >= kLeastShare) axes.emplace_back("k");
                                 return axes;
                             }});
    return {id(), decisions};
}

Schedule worked_out(const Problem& problem, const Target& target, const Conditions& conditions) {
    const MatmulShape shape(problem);
    // Rows of B as long as the sums' cache allows; or, where k is too short to share out, one task a thread at least.
    const bool shares_k = shape.k / conditions.threads >= kLeastShare;
    const int64_t tasks = shares_k ? 1 : std::max<int64_t>(1, ceil_div(conditions.threads, shape.b));
    Schedule wish(id());
    wish.set("n_block", ceil_div(shape.n, tasks)).set("k_rows", int64_t{8}).set("n_unroll", int64_t{2});
    wish.set("ahead", int64_t{shape.n * shape.k * kElementBytes > target.l2_bytes ? 256 : 0})
        .set("parallel", shares_k ? "k" : "n");
    return *space(problem, target, conditions).repair(wish);
}

Pipeline build(const Problem& problem, const Schedule& schedule, const Target& target, const Conditions& conditions) {
    using Halide::TailStrategy;
    const MatmulShape shape(problem);
    const MatmulOperands in(shape);
    const int lanes = target.lanes(4);
    const int rows = as_int(shape.m);
    const int n_block = as_int(schedule.number("n_block"));
    const int k_rows = as_int(schedule.number("k_rows"));
    const int n_unroll = as_int(schedule.number("n_unroll"));
    const bool parallel = schedule.find("parallel") != nullptr;
    const bool shares_k = parallel && schedule.choice("parallel") == "k";
    const int shares = shares_k ? conditions.threads : 1;
    const int depth = as_int(shape.k) / shares / k_rows * k_rows;

    Halide::Var n("n"), m("m"), batch("batch"), n_blk("n_blk"), share("share"), task("task");
    Halide::Func sums("sums"), partial("partial"), rest_sums("rest_sums"), out("out");
    const Halide::RDom step(0, depth / k_rows, "step");
    const auto product = [&](const Halide::Expr& at) { return in.a(m, at, batch) * in.b(n, at, batch); };
    const int remains = as_int(shape.k) - depth * shares;
    Halide::Expr rest = 0.0F;
    if (remains <= kMostWrittenOut) {
        for (int at = depth * shares; at < as_int(shape.k); ++at) rest += product(at);
    } else {  // of many shares, never of one
        const Halide::RDom row(depth * shares, remains, "row");
        rest_sums(n, m, batch) = 0.0F;
        rest_sums(n, m, batch) += product(row);
        rest_sums.compute_at(out, m).bound_extent(n, as_int(shape.n)).bound_extent(m, 1).bound_extent(batch, 1);
        rest_sums.vectorize(n, lanes, TailStrategy::ShiftInwards);
        rest_sums.update().reorder(n, row, m, batch).vectorize(n, lanes, TailStrategy::GuardWithIf);
        rest = rest_sums(n, m, batch);
    }
    sums(n, m, share, batch) = shares_k ? 0.0F : rest;
    Halide::Expr next = sums(n, m, share, batch);
    for (int row = 0; row < k_rows; ++row) next += product(share * depth + step * k_rows + row);
    sums(n, m, share, batch) = next;
    partial(n, m, share, batch) = sums(n, m, share, batch);
    Halide::Expr total = shares_k ? rest : sums(n, m, 0, batch);
    for (int of = 0; shares_k && of < shares; ++of) total += partial(n, m, of, batch);
    const EpilogueInputs epilogue = epilogue_inputs(problem, shape.output_extents());
    out(n, m, batch) = apply_epilogue(problem, epilogue, total, {n, m, batch});

    const TailStrategy tail = n_block % lanes == 0 ? TailStrategy::Auto : TailStrategy::GuardWithIf;
    const auto bound = [&](Halide::Func& whole) {
        whole.bound(n, 0, as_int(shape.n)).bound(m, 0, rows).bound(batch, 0, as_int(shape.b));
    };
    bound(out);
    if (shares_k) {
        bound(partial);
        partial.compute_root().bound(share, 0, shares);
        out.vectorize(n, lanes, TailStrategy::ShiftInwards);
    }
    Halide::Func& blocks = shares_k ? partial : out;
    const Halide::Var outer = shares_k ? share : n_blk;
    blocks.split(n, n_blk, n, n_block, TailStrategy::ShiftInwards)
        .vectorize(n, lanes, tail)
        .partition(n_blk, Halide::Partition::Never);
    if (shares_k)
        blocks.reorder(n, m, n_blk, share, batch);
    else
        blocks.reorder(n, m, n_blk, batch);
    if (parallel) blocks.fuse(outer, batch, task).parallel(task);
    sums.compute_at(blocks, shares_k || !parallel ? n_blk : task);
    sums.bound_extent(n, n_block).bound_extent(m, rows).bound_extent(share, 1).bound_extent(batch, 1);
    sums.vectorize(n, lanes, tail);
    Halide::Var vector("vector");
    sums.update().split(n, vector, n, lanes, tail).reorder(n, m, vector, step).vectorize(n).unroll(m);
    if (n_unroll > 1) sums.update().unroll(vector, n_unroll);

    Pipeline pipeline;
    pipeline.run = {out, {in.a_buffer, in.b_buffer}, {shape.a_extents(), shape.b_extents()}, shape.output_extents()};
    epilogue.append_to(pipeline.run);
    if (schedule.number("ahead") > 0)
        pipeline.run.prefetches.emplace_back(StreamPrefetch{in.b_buffer.name(), sums.name(), schedule.number("ahead")});
    return pipeline;
}

}  // namespace

Template stream_template() {
    return {id(), "few rows of A while B is read once, row by row, unpacked", {"matmul"}, applies, space, worked_out,
            build};
}

}  // namespace tilesmith
