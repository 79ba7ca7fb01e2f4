// Which decisions the template depthwise has.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "schedules/blocks/tiling.h"
#include "schedules/conv/depthwise.h"
#include "schedules/conv/tile.h"

namespace tilesmith {
namespace {

// Vector multiply-adds in an unrolled body: bounds compile time.
constexpr int64_t kMostUnrolled = 120;

struct Facts {
    ConvShape shape;
    int lanes = 1;
    int vector_registers = 16;
    int64_t l1_bytes = 0;
    bool parallel = false;
};

// A vector no longer than the channels: a power of two, so that the last one can start earlier instead of sticking out.
int64_t vector_lanes(const Facts& f) {
    int64_t lanes = f.lanes;
    while (lanes > f.shape.co) lanes /= 2;
    return lanes;
}

std::vector<Value> texts(const std::vector<std::string>& choices) { return {choices.begin(), choices.end()}; }

// Leaves registers for a kernel row of weights and a pixel.
std::vector<int64_t> tile_columns(const Facts& f, int64_t vectors) {
    std::vector<int64_t> all;
    for (int64_t columns = 1; columns <= f.shape.ow; ++columns) {
        const bool fits =
            columns * vectors + vectors + 2 <= f.vector_registers && columns * vectors * f.shape.kw <= kMostUnrolled;
        if (fits || columns == 1) all.push_back(columns);
    }
    std::vector<int64_t> frugal = frugal_tiles(f.shape.ow, all);
    // Tiles of a pixel share nothing: only where there is nothing larger.
    if (frugal.back() >= 4)
        frugal.erase(frugal.begin(), std::find_if(frugal.begin(), frugal.end(), [](int64_t c) { return c > 1; }));
    return frugal;
}

std::vector<Decision> decisions_of(const std::shared_ptr<const Facts>& facts) {
    const auto padding = [facts](const Schedule&) {
        const ConvShape& s = facts->shape;
        if (!s.padded()) return texts({kPadNone});
        return s.kw <= kMostUnrolled / 8 ? texts({kPadSkip, kPadCopy}) : texts({kPadCopy});
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
    const auto columns = [facts](const Schedule& s) { return values_of(tile_columns(*facts, s.number("vectors"))); };
    // Whether the kernel's rows are written out one after the other.
    const auto unroll_rows = [facts](const Schedule& s) {
        const ConvShape& shape = facts->shape;
        const int64_t body = s.number("columns") * s.number("vectors") * shape.kw * shape.kh;
        return values_of(shape.kh > 1 && body <= kMostUnrolled ? std::vector<int64_t>{0, 1} : std::vector<int64_t>{0});
    };
    // Where the loop over channels is: around everything, inside the rows, innermost.
    const auto channels = [](const Schedule&) { return texts({"outer", "middle", "inner"}); };
    const auto row_block = [facts](const Schedule& s) {
        if (s.choice("padding") != kPadCopy && !facts->parallel) return values_of({facts->shape.oh});
        return values_of(balanced_blocks(facts->shape.oh, 1, facts->shape.oh));
    };
    const auto copy_at = [](const Schedule& s) {
        if (s.choice("padding") != kPadCopy) return texts({"none"});
        return s.choice("channels") == "outer" ? texts({"whole"}) : texts({"block", "whole"});
    };
    return {{"padding", padding},   {"vectors", vectors},     {"columns", columns}, {"unroll_rows", unroll_rows},
            {"channels", channels}, {"row_block", row_block}, {"copy_at", copy_at}};
}

std::shared_ptr<const Facts> facts_of(const Problem& problem, const Target& target, const Conditions& conditions) {
    auto facts = std::make_shared<Facts>();
    facts->shape = merged(conv_shape(problem));
    facts->lanes = target.lanes(4);
    facts->vector_registers = target.vector_registers;
    facts->l1_bytes = target.l1_bytes;
    facts->parallel = conditions.threads > 1;
    return facts;
}

}  // namespace

bool DepthwiseConv::applies(const Problem& problem, const Target&) { return conv_shape(problem).depthwise(); }

Space DepthwiseConv::space(const Problem& problem, const Target& target, const Conditions& conditions) {
    return {id(), decisions_of(facts_of(problem, target, conditions))};
}

Schedule DepthwiseConv::default_schedule(const Problem& problem, const Target& target, const Conditions& conditions) {
    const auto facts = facts_of(problem, target, conditions);
    const ConvShape& s = facts->shape;
    // Vector accumulators of one row of pixels: enough to hide the latency of a multiply-add (4 cycles).
    const std::vector<int64_t> columns = tile_columns(*facts, 1);
    int64_t best = columns.front();
    for (const int64_t count : columns)
        if (count <= facts->vector_registers / 2) best = count;
    Schedule wish(id());
    wish.set("padding", s.padded() ? kPadSkip : kPadNone).set("vectors", int64_t{1}).set("columns", best);
    wish.set("unroll_rows", int64_t{0});
    // Rows of kh x all channels that stay in the first cache are read again from there.
    const bool rows_fit = s.kh * s.w * s.ci * 4 <= facts->l1_bytes;
    wish.set("channels", rows_fit ? "middle" : "inner");
    wish.set("row_block", facts->parallel ? std::max<int64_t>(1, s.oh / 8) : s.oh).set("copy_at", "block");
    return Space(id(), decisions_of(facts)).repair(wish).value();
}

}  // namespace tilesmith
