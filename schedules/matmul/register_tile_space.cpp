// Which decisions the template register_tile has, and the schedule worked out from the target's numbers.
//
// The domains leave out what cannot be fast (tiles too small to hide a multiply-add's latency, blocks far beyond the L2
// cache, panels packed for a few rows), so that most of what a search samples is worth compiling.
#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include "schedules/blocks/tiling.h"
#include "schedules/matmul/operands.h"
#include "schedules/matmul/register_tile.h"
#include "schedules/template_rows.h"

namespace tilesmith {
namespace {

TemplateId id() { return {"register_tile", 2}; }

constexpr int64_t kElementBytes = 4;
constexpr int64_t kMostVectors = 4;
constexpr int64_t kMostUnrolled = 64;        // multiply-adds in the inner loop's code
constexpr int64_t kLeastRows = 48;           // of a block, where the problem has them
constexpr int64_t kLeastRepackedRows = 192;  // where every block of rows packs B again
constexpr int64_t kLeastColumns = 64;
constexpr int64_t kLeastCopiedColumns = 192;  // where every block of columns copies A again

// Enough independent sums to hide the latency of a multiply-add (4 cycles), and enough of the registers used.
int64_t enough_sums(const Target& target) {
    return std::max<int64_t>(4 * target.fma_per_cycle, target.vector_registers * 7 / 16);
}

// Block lengths in tiles where blocks are computed whole: within [least, most] elements (the shortest allowed one where
// none is), hardly more computed than with blocks of one tile, and where `sticks_out` is false none longer than the
// extent. May be empty.
std::vector<int64_t> whole_blocks(int64_t extent, int64_t tile, int64_t least, int64_t most, bool sticks_out) {
    const int64_t longest = sticks_out ? ceil_div(extent, tile) : extent / tile;
    const int64_t unavoidable = round_up(extent, tile);
    std::vector<int64_t> lengths;
    for (int64_t length = std::min(longest, ceil_div(least, tile)); length >= 1 && length <= longest; ++length) {
        const bool frugal = round_up(extent, length * tile) * 32 <= unavoidable * 33;
        const bool distinct = lengths.empty() || (length * tile <= most && length * 4 >= lengths.back() * 5);
        if (frugal && distinct) lengths.push_back(length);
    }
    return lengths;
}

// The facts that the domains look at.
struct View {
    View(const Problem& problem, const Target& the_target, const Conditions& conditions)
        : shape(problem),
          target(the_target),
          lanes(the_target.lanes(as_int(kElementBytes))),
          fixed(problem.weights() == Weights::fixed),
          threads(conditions.threads) {}

    [[nodiscard]] std::vector<int64_t> vector_counts() const;
    [[nodiscard]] std::vector<int64_t> row_counts(int64_t nv) const;
    [[nodiscard]] std::vector<int64_t> k_block_counts(const Schedule& s) const;
    [[nodiscard]] std::vector<int64_t> k_unrolls(int64_t blocks, int64_t sums) const;
    [[nodiscard]] std::vector<Value> pack_b(const Schedule& s) const;
    [[nodiscard]] std::vector<Value> copy_a(const Schedule& s) const;
    [[nodiscard]] std::vector<Value> orders(const Schedule& s) const;
    [[nodiscard]] std::vector<int64_t> m_blocks(const Schedule& s) const;
    [[nodiscard]] std::vector<int64_t> n_blocks(const Schedule& s) const;
    [[nodiscard]] std::vector<Value> prefetch(const Schedule& s) const;
    [[nodiscard]] int64_t m_least(const Schedule& s) const;
    [[nodiscard]] int64_t depth_bytes(const Schedule& s) const;

    MatmulShape shape;
    Target target;
    int64_t lanes;
    bool fixed;
    int threads;
};

std::vector<int64_t> View::vector_counts() const {
    std::vector<int64_t> lengths;
    for (int64_t nv = 1; nv <= kMostVectors && (nv - 1) * lanes < shape.n; ++nv)
        if (nv == 1 || tile_fits_registers(std::min(nv, shape.m), nv, target)) lengths.push_back(nv * lanes);
    lengths = frugal_tiles(shape.n, lengths);
    // One vector needs a broadcast for every multiply-add: only where nothing wider fits.
    if (lengths.size() > 1 && lengths.front() == lanes) lengths.erase(lengths.begin());
    for (int64_t& length : lengths) length /= lanes;
    return lengths;
}

std::vector<int64_t> View::row_counts(int64_t nv) const {
    std::vector<int64_t> rows;
    for (int64_t mr = 1; mr <= shape.m && tile_fits_registers(mr, nv, target); ++mr) rows.push_back(mr);
    // Fewer rows than vectors would read B faster than the L2 cache delivers it.
    std::vector<int64_t> busy;
    std::copy_if(rows.begin(), rows.end(), std::back_inserter(busy),
                 [&](int64_t mr) { return mr >= nv && mr * nv >= enough_sums(target); });
    return frugal_tiles(shape.m, busy.empty() ? std::vector<int64_t>{rows.back()} : busy);
}

// Blocks of k: none, or such that a block is 192 to 768 deep.
std::vector<int64_t> View::k_block_counts(const Schedule& s) const {
    const bool can_block =
        !whole_blocks(shape.m, s.number("mr"), m_least(s), shape.m, s.choice("copy_a") == "block").empty() &&
        !whole_blocks(shape.n, s.number("nv") * lanes, kLeastColumns, shape.n, s.choice("pack_b") != "none").empty();
    std::vector<int64_t> counts;
    if (shape.k <= 2048 || !can_block) counts.push_back(1);
    for (const int64_t count : {2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64})
        if (can_block && shape.k / count >= 192 && shape.k / count <= 768) counts.push_back(count);
    return counts.empty() ? std::vector<int64_t>{ceil_div(shape.k, 768)} : counts;
}

// How far the loop over a block of k is unrolled: bounded by the code's size, and by what remains of k.
std::vector<int64_t> View::k_unrolls(int64_t blocks, int64_t sums) const {
    std::vector<int64_t> unrolls;
    for (const int64_t unroll : {2, 4, 8}) {
        const int64_t remains = shape.k % (blocks * unroll);
        if (unroll * blocks <= shape.k && unroll * sums <= kMostUnrolled && remains * 64 <= shape.k)
            unrolls.push_back(unroll);
    }
    return unrolls.empty() ? std::vector<int64_t>{1} : unrolls;
}

std::vector<Value> View::pack_b(const Schedule& s) const {
    const int64_t nr = s.number("nv") * lanes;
    const bool few_rows = shape.m <= 16 * s.number("mr");
    const bool dense = shape.n * kElementBytes <= 4 * target.line_bytes;
    std::vector<Value> choices;
    if (fixed) choices.emplace_back("ahead");
    if (!shape.tb && nr <= shape.n && (few_rows || dense)) choices.emplace_back("none");
    if (fixed) return choices;
    choices.emplace_back("panel");
    choices.emplace_back("block");
    if (threads > 1) choices.emplace_back("whole");
    return choices;
}

std::vector<Value> View::copy_a(const Schedule& s) const {
    std::vector<Value> choices{"none"};
    // Panels of few rows serve all columns of a block: not worth it for few columns.
    if (shape.n >= 8 * s.number("nv") * lanes && shape.k >= 4 * lanes) {
        choices.emplace_back("panel");
        choices.emplace_back("block");
    }
    return choices;
}

// The loop over tiles that runs inside: over m ("nm": a panel of B stays in the cache) or over n ("mn": rows of A do).
std::vector<Value> View::orders(const Schedule& s) const {
    std::vector<Value> choices;
    if (s.choice("copy_a") != "panel") choices.emplace_back("nm");
    if (s.choice("pack_b") != "panel") choices.emplace_back("mn");
    return choices;
}

int64_t View::m_least(const Schedule& s) const {
    return s.choice("pack_b") == "panel" ? kLeastRepackedRows : kLeastRows;
}

int64_t View::depth_bytes(const Schedule& s) const { return shape.k / s.number("k_blocks") * kElementBytes; }

// Tiles in a block. Without blocks of k only tiles that exist are computed.
std::vector<int64_t> View::m_blocks(const Schedule& s) const {
    const int64_t tile = s.number("mr");
    const int64_t in_cache = s.choice("order") == "nm" ? 2 * target.l2_bytes / depth_bytes(s) : shape.m;
    if (s.number("k_blocks") > 1)
        return whole_blocks(shape.m, tile, m_least(s), in_cache, s.choice("copy_a") == "block");
    const int64_t tiles = ceil_div(shape.m, tile);
    const int64_t least = std::min(tiles, ceil_div(m_least(s), tile));
    return balanced_blocks(tiles, least, std::max(least, in_cache / tile));
}

std::vector<int64_t> View::n_blocks(const Schedule& s) const {
    const int64_t tile = s.number("nv") * lanes;
    int64_t in_cache = s.choice("order") == "mn" ? 3 * target.l2_bytes / (2 * depth_bytes(s)) : shape.n;
    if (s.number("k_blocks") > 1) {
        // The sums of a block are read and written once a block of k.
        const int64_t sums_bytes = s.number("m_block") * s.number("mr") * kElementBytes;
        in_cache = std::min(in_cache, target.l2_bytes / 2 / sums_bytes);
        return whole_blocks(shape.n, tile, kLeastColumns, in_cache, s.choice("pack_b") != "none");
    }
    const int64_t tiles = ceil_div(shape.n, tile);
    const int64_t least =
        std::min(tiles, ceil_div(s.choice("copy_a") == "panel" ? kLeastCopiedColumns : kLeastColumns, tile));
    return balanced_blocks(tiles, least, std::max(least, in_cache / tile));
}

// The next panel's rows, where several tiles can share them out: those that its copy will read (rows of a transposed B
// are no rows of memory), or of a panel packed beforehand, where panels come from beyond the first cache.
std::vector<Value> View::prefetch(const Schedule& s) const {
    std::vector<Value> choices{"no"};
    const bool copied = s.choice("pack_b") == "panel" && !shape.tb;
    const bool packed = s.choice("pack_b") == "ahead" && s.choice("order") == "nm" &&
                        shape.k * shape.n * kElementBytes > target.l1_bytes;
    if ((copied || packed) && s.number("m_block") >= kLeastSharing) choices.emplace_back("panel");
    return choices;
}

bool applies(const Problem&, const Target&) { return true; }

Space space(const Problem& problem, const Target& target, const Conditions& conditions) {
    const View view(problem, target, conditions);
    std::vector<Decision> decisions;
    decisions.push_back({"nv", [=](const Schedule&) { return values_of(view.vector_counts()); }});
    decisions.push_back({"mr", [=](const Schedule& s) { return values_of(view.row_counts(s.number("nv"))); }});
    decisions.push_back({"pack_b", [=](const Schedule& s) { return view.pack_b(s); }});
    decisions.push_back({"copy_a", [=](const Schedule& s) { return view.copy_a(s); }});
    decisions.push_back({"order", [=](const Schedule& s) { return view.orders(s); }});
    decisions.push_back({"k_blocks", [=](const Schedule& s) { return values_of(view.k_block_counts(s)); }});
    decisions.push_back({"k_unroll", [=](const Schedule& s) {
                             return values_of(view.k_unrolls(s.number("k_blocks"), s.number("mr") * s.number("nv")));
                         }});
    decisions.push_back({"m_block", [=](const Schedule& s) { return values_of(view.m_blocks(s)); }});
    decisions.push_back({"n_block", [=](const Schedule& s) { return values_of(view.n_blocks(s)); }});
    decisions.push_back({"pack_order", [=](const Schedule& s) {
                             const bool many = s.choice("pack_b") == "block";
                             return many ? std::vector<Value>{"depth", "panel"} : std::vector<Value>{"panel"};
                         }});
    decisions.push_back({"prefetch", [=](const Schedule& s) { return view.prefetch(s); }});
    decisions.push_back({"outer", [=](const Schedule& s) {
                             const bool one_m = s.number("m_block") * s.number("mr") >= view.shape.m;
                             std::vector<Value> choices{"n"};
                             if (s.choice("pack_b") != "block" || one_m) choices.emplace_back("m");
                             return choices;
                         }});
    if (conditions.threads > 1)
        decisions.push_back({"parallel", [](const Schedule& s) {
                                 // A task for every block of both axes would pack what blocks of one axis share again
                                 // and again.
                                 std::vector<Value> choices{"outer", "inner"};
                                 if (s.choice("pack_b") != "block" && s.choice("copy_a") != "block")
                                     choices.emplace_back("both");
                                 return choices;
                             }});
    return {id(), decisions};
}

Schedule worked_out(const Problem& problem, const Target& target, const Conditions& conditions) {
    const View view(problem, target, conditions);
    const MatmulShape& shape = view.shape;
    // Two vectors by as many rows as the registers hold: 6 x 2 of 16 registers, 14 x 2 of 32. Few rows do not repay
    // packing B; a panel of B 512 deep fits the L1 cache, or streams from the L2 cache.
    const int64_t rows = target.vector_registers / 2 - 2;
    const bool plain = shape.m <= 12 * rows;
    const std::string fresh = plain ? "none" : conditions.threads > 1 ? "whole" : "block";
    Schedule wish(id());
    wish.set("nv", int64_t{2}).set("mr", rows);
    wish.set("pack_b", view.fixed ? "ahead" : fresh).set("copy_a", "none").set("order", "nm");
    wish.set("k_blocks", std::max<int64_t>(1, shape.k / 512)).set("k_unroll", int64_t{4});
    wish.set("m_block", shape.m < 256 ? int64_t{48} : int64_t{20})
        .set("n_block", int64_t{16})
        .set("pack_order", "depth");
    wish.set("prefetch", shape.k * shape.n * kElementBytes > target.l2_bytes ? "panel" : "no");
    wish.set("outer", "n").set("parallel", "both");
    return *space(problem, target, conditions).repair(wish);
}

}  // namespace

Template register_tile_template() {
    return {id(),
            "register tiles in cache blocks, operands packed or as they lie",
            {"matmul"},
            applies,
            space,
            worked_out,
            build_register_tile};
}

}  // namespace tilesmith
