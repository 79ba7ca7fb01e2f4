// Which decisions the template depthwise has.
#include <algorithm>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "schedules/blocks/tiling.h"
#include "schedules/conv/depthwise.h"
#include "schedules/conv/tile.h"
#include "schedules/template_rows.h"

namespace tilesmith {
namespace {

TemplateId id() { return {"depthwise", 3}; }

// Vector multiply-adds in an unrolled body: bounds compile time. Where one row of taps is longer, depthwise.cpp
// decides.
constexpr int64_t kMostUnrolled = 120;

struct Facts {
    ConvShape shape;
    int lanes = 1;
    int vector_registers = 16;
    int64_t l1_bytes = 0, l2_bytes = 0;
    bool parallel = false;
};

// A vector no longer than the channels: a power of two, so that the last one can start earlier instead of sticking out.
int64_t vector_lanes(const Facts& f) {
    int64_t lanes = f.lanes;
    while (lanes > f.shape.co) lanes /= 2;
    return lanes;
}

// Of the padded input of one vector of channels.
int64_t panel_bytes(const Facts& f) {
    const ConvShape& s = f.shape;
    return (s.h + s.pad_h + s.pad_h_end) * (s.w + s.pad_w + s.pad_w_end) * f.lanes * 4;
}

// Whether registers are left for a tap and a pixel, and the written-out body stays short: a kernel row of one row of
// pixels, or the whole kernel of several.
bool tile_fits(const Facts& f, int64_t vectors, int64_t rows, int64_t columns) {
    const int64_t accumulators = vectors * rows * columns;
    const int64_t body = accumulators * f.shape.kw * (rows > 1 ? f.shape.kh : 1);
    return accumulators * 8 <= f.vector_registers * int64_t{5} && body <= (rows > 1 ? 2 : 1) * kMostUnrolled;
}

// Rows of a tile: more than one where kernel rows overlap.
std::vector<int64_t> row_counts(const Facts& f, int64_t vectors) {
    const ConvShape& shape = f.shape;
    std::vector<int64_t> counts{1};
    if (shape.kh <= shape.stride_h || shape.dilation_h > 1) return counts;
    for (const int64_t rows : {2, 3, 4})
        if (rows <= shape.oh && little_waste(shape.oh, rows) && tile_fits(f, vectors, rows, 2)) counts.push_back(rows);
    return counts;
}

// Columns of a tile: enough accumulators to hide the latency of a multiply-add.
std::vector<int64_t> tile_columns(const Facts& f, int64_t vectors, int64_t rows) {
    constexpr int64_t kLeastAccumulators = 6;
    std::vector<int64_t> all;
    for (int64_t columns = 1; columns <= std::min<int64_t>(f.shape.ow, f.vector_registers); ++columns)
        if (columns == 1 || tile_fits(f, vectors, rows, columns)) all.push_back(columns);
    const std::vector<int64_t> frugal = frugal_tiles(f.shape.ow, all);
    const int64_t least = std::min(ceil_div(kLeastAccumulators, vectors * rows), frugal.back());
    std::vector<int64_t> busy;
    std::copy_if(frugal.begin(), frugal.end(), std::back_inserter(busy), [&](int64_t c) { return c >= least; });
    return busy;
}

std::vector<Decision> decisions_of(const std::shared_ptr<const Facts>& facts) {
    // Where the loop over channels is: around the tiles of a row, innermost, or around everything. The latter works on
    // one panel of channels after the other, mostly on a copy of its input, small enough for the second cache and
    // dense, whatever the distance between pixels is, and in which an input channel may stand several times.
    const auto channels = [facts](const Schedule&) {
        if (facts->shape.group_co() > 1) return texts({"outer"});
        return panel_bytes(*facts) <= facts->l2_bytes / 2 ? texts({"inner", "middle", "outer"})
                                                          : texts({"inner", "middle"});
    };
    const auto padding = [facts](const Schedule& s) {
        const bool skips = facts->shape.padded() && can_skip_rows(facts->shape) && facts->shape.kw <= kMostUnrolled / 8;
        if (s.choice("channels") == "outer") return skips ? texts({kPadCopy, kPadSkip}) : texts({kPadCopy});
        if (!facts->shape.padded()) return texts({kPadNone});
        return texts({skips ? kPadSkip : kPadCopy});
    };
    const auto vectors = [facts](const Schedule&) {
        std::vector<int64_t> counts;
        const int64_t lanes = vector_lanes(*facts);
        for (const int64_t count : {1, 2, 4})
            if (count * lanes <= facts->shape.co && count * facts->shape.kw <= kMostUnrolled)
                counts.push_back(count * lanes);
        std::vector<int64_t> frugal =
            counts.empty() ? std::vector<int64_t>{lanes} : frugal_tiles(facts->shape.co, counts);
        for (int64_t& count : frugal) count /= lanes;
        return values_of(frugal);
    };
    // Tiles of channels in a panel: of pixels that are whole pages apart, long pieces fill the first cache better.
    const auto panel = [facts](const Schedule& s) {
        std::vector<int64_t> counts{1};
        if (s.choice("channels") != "outer") return values_of(counts);
        for (const int64_t count : {2, 4, 8}) {
            const int64_t wide = count * s.number("vectors") * vector_lanes(*facts);
            if (wide <= facts->shape.co && little_waste(facts->shape.co, wide) &&
                wide / facts->lanes * panel_bytes(*facts) <= facts->l2_bytes / 2)
                counts.push_back(count);
        }
        return values_of(counts);
    };
    const auto rows = [facts](const Schedule& s) { return values_of(row_counts(*facts, s.number("vectors"))); };
    const auto columns = [facts](const Schedule& s) {
        return values_of(tile_columns(*facts, s.number("vectors"), s.number("rows")));
    };
    // Whether the kernel's rows are written out one after the other.
    const auto unroll_rows = [facts](const Schedule& s) {
        const ConvShape& shape = facts->shape;
        if (s.number("rows") > 1) return values_of({1});
        const int64_t body = s.number("columns") * s.number("vectors") * shape.kw * shape.kh;
        return values_of(shape.kh > 1 && body <= kMostUnrolled ? std::vector<int64_t>{0, 1} : std::vector<int64_t>{0});
    };
    const auto row_block = [facts](const Schedule& s) {
        const bool outer = s.choice("channels") == "outer";
        const int64_t tiles = ceil_div(facts->shape.oh, s.number("rows"));
        if (outer || (s.choice("padding") != kPadCopy && !facts->parallel)) return values_of({tiles});
        return values_of(balanced_blocks(tiles, 1, tiles));
    };
    const auto copy_at = [facts](const Schedule& s) {
        if (s.choice("channels") == "outer" && s.choice("padding") == kPadSkip && facts->shape.group_co() == 1)
            return texts({"panel", "none"});
        if (s.choice("channels") == "outer") return texts({"panel"});
        if (s.choice("padding") != kPadCopy) return texts({"none"});
        return texts({"block", "whole"});
    };
    return {{"channels", channels}, {"padding", padding}, {"vectors", vectors},         {"panel", panel},
            {"rows", rows},         {"columns", columns}, {"unroll_rows", unroll_rows}, {"row_block", row_block},
            {"copy_at", copy_at}};
}

std::shared_ptr<const Facts> facts_of(const Problem& problem, const Target& target, const Conditions& conditions) {
    auto facts = std::make_shared<Facts>();
    facts->shape = merged(conv_shape(problem));
    facts->lanes = target.lanes(4);
    facts->vector_registers = target.vector_registers;
    facts->l1_bytes = target.l1_bytes;
    facts->l2_bytes = target.l2_bytes;
    facts->parallel = conditions.threads > 1;
    return facts;
}

// Where the output channels of one input channel fill vectors, the template direct is the better one.
bool applies(const Problem& problem, const Target& target) {
    const ConvShape shape = conv_shape(problem);
    return shape.depthwise() && (shape.group_co() == 1 || (shape.groups > 1 && shape.group_co() < target.lanes(4)));
}

Space space(const Problem& problem, const Target& target, const Conditions& conditions) {
    return {id(), decisions_of(facts_of(problem, target, conditions))};
}

Schedule worked_out(const Problem& problem, const Target& target, const Conditions& conditions) {
    const auto facts = facts_of(problem, target, conditions);
    const ConvShape& s = facts->shape;
    // Pixels whole pages or half pages apart share few sets of a cache: pieces of many channels at a time, dense copies
    // of them where these stay in the first cache.
    constexpr int64_t kApartBytes = 2048;
    const bool apart = s.ci * 4 % kApartBytes == 0 && panel_bytes(*facts) * 8 <= facts->l2_bytes;
    const bool overlap = row_counts(*facts, 1).size() > 1;
    const int64_t rows = overlap ? 2 : 1;
    // 2 x 7 accumulators of one vector; 4 of two, a cache line of narrow vectors, where kernel rows do not overlap:
    // twice the latency of a multiply-add and more.
    const int64_t columns = overlap && !apart ? 7 : 4;
    const int64_t vectors = (overlap ? 1 : 2) * (apart ? 2 : 1);
    const char* const copy_of_pieces = panel_bytes(*facts) * 4 <= facts->l1_bytes ? "panel" : "none";
    Schedule wish(id());
    wish.set("channels", apart ? "outer" : "inner").set("padding", s.padded() ? kPadSkip : kPadNone);
    wish.set("vectors", vectors).set("panel", 8 / vectors).set("rows", rows).set("columns", columns);
    wish.set("unroll_rows", int64_t{0});
    wish.set("row_block", std::max<int64_t>(1, ceil_div(s.oh, rows) / (facts->parallel ? 8 : 1)))
        .set("copy_at", apart ? copy_of_pieces : "block");
    return Space(id(), decisions_of(facts)).repair(wish).value();
}

}  // namespace

Template depthwise_template() {
    return {
        id(),           "vectors of channels, one kernel a channel", {"conv2d", "conv1d"}, applies, space, worked_out,
        build_depthwise};
}

}  // namespace tilesmith
