// Which decisions the template direct has. The tile comes first; everything after it moves the tile around.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "schedules/blocks/tiling.h"
#include "schedules/conv/direct.h"
#include "schedules/conv/tile.h"
#include "schedules/template_rows.h"

namespace tilesmith {
namespace {

TemplateId id() { return {"direct", 3}; }

// Tiles estimated at more than this many times the best one's cost are left out.
constexpr double kSlack = 1.3;
// Vector multiply-adds in the body of the innermost loop once it is unrolled: bounds compile time.
constexpr int64_t kMostUnrolled = 128;

using Tiles = std::vector<ConvTile>;

// What domains need to know; shared by the functions of one space.
struct Facts {
    ConvShape shape;
    Tiles tiles;  // cheapest first
    int lanes = 1;
    Target target;
    bool parallel = false;
    bool fresh = false;

    [[nodiscard]] ConvShape seen(const Schedule& s) const { return as_read(shape, s.choice("padding")); }
    [[nodiscard]] int64_t channel_vectors() const { return ceil_div(shape.group_co(), lanes); }
};

ConvTile tile_of(const Schedule& s) {
    return {s.choice("padding"), s.number("vectors"), s.number("rows"), s.number("columns")};
}

// Without dilation and groups the taps of a kernel row and their channels lie side by side: one axis.
bool one_run(const ConvShape& s, const std::string& padding) {
    return padding != kPadSkip && s.groups == 1 && (s.dilation_w == 1 || s.kw == 1);
}

int64_t run_length(const ConvShape& s, const std::string& padding) {
    return s.group_ci() * (one_run(s, padding) ? s.kw : 1);
}

int64_t output_bytes(const ConvShape& s) { return s.n * s.od * s.oh * s.ow * s.co * 4; }
int64_t weight_bytes(const ConvShape& s) { return s.co * s.group_ci() * s.kd * s.kh * s.kw * 4; }

template <class T, class Get>
std::vector<Value> distinct(const Tiles& tiles, const Get& get) {
    std::vector<T> found;
    for (const ConvTile& tile : tiles)
        if (const std::optional<T> value = get(tile);
            value && std::find(found.begin(), found.end(), *value) == found.end())
            found.push_back(*value);
    std::sort(found.begin(), found.end());
    return {found.begin(), found.end()};
}

// The largest factor of `length` below 8 that keeps a body of `body` multiply-adds short: enough to hide the loop's own
// cost.
int64_t default_unroll(int64_t length, int64_t body) {
    constexpr int64_t kEnough = 64;
    int64_t best = 1;
    for (const int64_t factor : {2, 3, 4, 7})
        if (length % factor == 0 && factor * body <= kEnough) best = factor;
    return best;
}

std::vector<Decision> tile_decisions(const std::shared_ptr<const Facts>& facts) {
    using Number = std::optional<int64_t>;
    const auto padding = [facts](const Schedule&) {
        return distinct<std::string>(facts->tiles, [](const ConvTile& t) { return std::optional(t.padding); });
    };
    const auto vectors = [facts](const Schedule& s) {
        return distinct<int64_t>(facts->tiles, [&](const ConvTile& t) {
            return t.padding == s.choice("padding") ? Number(t.vectors) : std::nullopt;
        });
    };
    const auto rows = [facts](const Schedule& s) {
        return distinct<int64_t>(facts->tiles, [&](const ConvTile& t) {
            const bool same = t.padding == s.choice("padding") && t.vectors == s.number("vectors");
            return same ? Number(t.rows) : std::nullopt;
        });
    };
    const auto columns = [facts](const Schedule& s) {
        return distinct<int64_t>(facts->tiles, [&](const ConvTile& t) {
            const bool same =
                t.padding == s.choice("padding") && t.vectors == s.number("vectors") && t.rows == s.number("rows");
            return same ? Number(t.columns) : std::nullopt;
        });
    };
    return {{"padding", padding}, {"vectors", vectors}, {"rows", rows}, {"columns", columns}};
}

// How the sum of one tile runs through kernel and channels.
std::vector<Decision> reduction_decisions(const std::shared_ptr<const Facts>& facts) {
    const auto taps = [facts](const Schedule& s) -> std::vector<Value> {
        const ConvTile tile = tile_of(s);
        if (one_run(facts->shape, tile.padding)) return texts({"run"});
        if (facts->shape.kw == 1) return texts({"outer"});
        if (tile.all_written_out()) return texts({"inner"});
        const int64_t most = tile.padding == kPadSkip ? 2 * kMostUnrolled : kMostUnrolled;
        const bool small = taps_share_pixels(tile, facts->target) && unrolled_taps(facts->shape, tile) <= most;
        if (!small) return texts({"outer"});
        // A tile of one vector lives on shared pixels.
        return tile.vectors == 1 ? texts({"inner"}) : texts({"outer", "inner"});
    };
    const auto unroll = [facts](const Schedule& s) {
        const ConvTile tile = tile_of(s);
        const bool inner = s.choice("taps") == "inner";
        const int64_t body =
            inner || tile.padding == kPadSkip ? unrolled_taps(facts->shape, tile) : tile.accumulators();
        const int64_t length = run_length(facts->shape, tile.padding);
        std::vector<int64_t> factors{1};
        // The whole of a short run, as of a picture's three channels, leaves no loop at all.
        for (const int64_t factor : {int64_t{2}, int64_t{3}, int64_t{4}, int64_t{7}, int64_t{8}, length})
            if (factor > factors.back() && length % factor == 0 && factor * body <= kMostUnrolled &&
                (factor % 2 == 0 || length % 2 != 0))
                factors.push_back(factor);
        return values_of(factors);
    };
    return {{"taps", taps}, {"unroll", unroll}};
}

// Blocks of `count` tiles: all divisions into nearly equal blocks.
std::vector<Value> blocks(int64_t count) { return values_of(balanced_blocks(count, 1, count)); }

std::vector<Decision> order_decisions(const std::shared_ptr<const Facts>& facts) {
    const auto panels = [facts](const Schedule& s) { return ceil_div(facts->channel_vectors(), s.number("vectors")); };
    // The outer loop, which is also the parallel one; "nested" shares both out, panels outside.
    const auto order = [facts, panels](const Schedule& s) {
        const bool nested = facts->parallel && panels(s) * facts->shape.groups > 1;
        return nested ? texts({"pixels", "panels", "nested"}) : texts({"pixels", "panels"});
    };
    const auto pixel_block = [facts](const Schedule& s) {
        const ConvShape shape = facts->seen(s);
        if (tile_of(s).all_written_out()) return values_of({ceil_div(shape.oh, s.number("rows"))});
        if (shape.oh > 1) return blocks(ceil_div(shape.oh, s.number("rows")));
        if (s.choice("padding") == kPadSkip) return values_of({ceil_div(shape.ow, s.number("columns"))});
        return blocks(ceil_div(shape.ow, s.number("columns")));
    };
    const auto panel_block = [panels](const Schedule& s) { return blocks(panels(s)); };
    const auto inner = [](const Schedule& s) {
        return s.number("panel_block") == 1 ? texts({"pixels"}) : texts({"pixels", "panels"});
    };
    const auto copy_at = [facts](const Schedule& s) {
        const std::string& padding = s.choice("padding");
        const bool copies =
            padding == kPadCopy || padding == kPadGather || (padding == kPadSkipRows && facts->shape.pads_columns());
        if (!copies) return texts({"none"});
        if (!facts->shape.flat()) return texts({"whole"});
        if (s.choice("order") == "pixels") return texts({"block", "whole"});
        // A copy for each task, which no other thread has to fetch from this one's cache.
        return facts->parallel ? texts({"whole", "block"}) : texts({"whole"});
    };
    // The next panel's weights, where they come from beyond the first cache and several tiles can share them out; or
    // the next tile's pixels, where they follow on this one's.
    const auto prefetch = [facts](const Schedule& s) {
        const ConvShape shape = facts->seen(s);
        const int64_t row_tiles = ceil_div(shape.ow, s.number("columns"));
        const bool pays = !facts->fresh && shape.capsules == 1 && s.choice("inner") == "pixels" &&
                          s.number("pixel_block") * (shape.oh > 1 ? row_tiles : 1) >= kLeastSharing &&
                          weight_bytes(shape) > facts->target.l1_bytes;
        const bool follow = s.choice("padding") == kPadNone && shape.pointwise() && shape.groups == 1 &&
                            shape.capsules == 1 && s.choice("inner") == "pixels";
        std::vector<Value> choices{"no"};
        if (pays) choices.emplace_back("panel");
        if (follow) choices.emplace_back("pixels");
        return choices;
    };
    const auto prefetch_output = [facts](const Schedule&) {
        const bool pays = output_bytes(facts->shape) > facts->target.l1_bytes;
        return values_of(pays ? std::vector<int64_t>{0, 1} : std::vector<int64_t>{0});
    };
    return {{"order", order},     {"pixel_block", pixel_block}, {"panel_block", panel_block},        {"inner", inner},
            {"copy_at", copy_at}, {"prefetch", prefetch},       {"prefetch_output", prefetch_output}};
}

std::shared_ptr<const Facts> facts_of(const Problem& problem, const Target& target, const Conditions& conditions) {
    auto facts = std::make_shared<Facts>();
    facts->shape = merged(conv_shape(problem));
    facts->tiles = good_conv_tiles(facts->shape, target, kSlack);
    facts->lanes = target.lanes(4);
    facts->target = target;
    facts->parallel = conditions.threads > 1;
    facts->fresh = problem.weights() == Weights::fresh;
    return facts;
}

Space space_of(const std::shared_ptr<const Facts>& facts) {
    std::vector<Decision> decisions = tile_decisions(facts);
    for (Decision& decision : reduction_decisions(facts)) decisions.push_back(std::move(decision));
    for (Decision& decision : order_decisions(facts)) decisions.push_back(std::move(decision));
    if (facts->fresh)
        decisions.push_back({"pack", [facts](const Schedule& s) -> std::vector<Value> {
                                 // Output channels of one vector lie side by side, as they do not in capsules.
                                 const bool whole =
                                     facts->shape.group_co() % (s.number("vectors") * facts->lanes) == 0 &&
                                     facts->shape.capsules == 1;
                                 return values_of(whole ? std::vector<int64_t>{0, 1} : std::vector<int64_t>{1});
                             }});
    return {id(), std::move(decisions)};
}

bool applies(const Problem&, const Target&) { return true; }

Space space(const Problem& problem, const Target& target, const Conditions& conditions) {
    return space_of(facts_of(problem, target, conditions));
}

// The cheapest tile; where weights come from beyond the second cache for a single image, the cheapest of several rows
// that passes over them less often.
const ConvTile& default_tile(const Facts& facts) {
    const ConvTile& cheapest = facts.tiles.front();
    const auto passes = [&](const ConvTile& tile) {
        return ceil_div(facts.shape.oh, tile.rows) * ceil_div(facts.shape.ow, tile.columns);
    };
    const auto several_rows = std::find_if(facts.tiles.begin(), facts.tiles.end(), [&](const ConvTile& tile) {
        return tile.all_written_out() && passes(tile) < passes(cheapest);
    });
    const bool far = weight_bytes(facts.shape) > facts.target.l2_bytes && facts.shape.n == 1;
    return far && several_rows != facts.tiles.end() ? *several_rows : cheapest;
}

Schedule worked_out(const Problem& problem, const Target& target, const Conditions& conditions) {
    const auto facts = facts_of(problem, target, conditions);
    const ConvTile& tile = default_tile(*facts);
    const ConvShape s = as_read(facts->shape, tile.padding);
    const int64_t panel_bytes = s.group_ci() * s.kd * s.kh * s.kw * tile.vectors * facts->lanes * 4;
    const int64_t row_bytes = s.oh > 1 ? tile.rows * s.stride_h * s.w * s.ci * 4 : tile.columns * s.stride_w * s.ci * 4;
    // A block of pixels stays in half of the second cache while the panels pass over it.
    const int64_t tiles = s.oh > 1 ? ceil_div(s.oh, tile.rows) : ceil_div(s.ow, tile.columns);
    const int64_t most = std::max<int64_t>(1, target.l2_bytes / 2 / std::max<int64_t>(1, row_bytes));
    int64_t pixel_block = std::min(tiles, most);
    std::string order = panel_bytes > target.l2_bytes ? "panels" : "pixels";
    if (facts->parallel) {
        // Several blocks a thread. Weights that do not fit in the second cache are read by one thread each; where
        // neither pixels nor panels are enough for all threads, both are shared out.
        pixel_block = std::min(pixel_block, ceil_div(tiles, int64_t{4} * conditions.threads));
        const int64_t pixel_tasks = ceil_div(tiles, pixel_block) * s.n * s.od;
        const int64_t panel_tasks = ceil_div(facts->channel_vectors(), tile.vectors) * s.groups;
        const bool one_block = tile.padding == kPadSkip && (s.oh == 1 || tile.all_written_out());
        order = one_block || weight_bytes(s) > target.l2_bytes ? "panels" : "pixels";
        if ((order == "panels" ? panel_tasks : pixel_tasks) < conditions.threads) order = "nested";
    }
    Schedule wish(id());
    wish.set("padding", tile.padding).set("vectors", tile.vectors).set("rows", tile.rows).set("columns", tile.columns);
    wish.set("taps", one_run(s, tile.padding) ? "run" : s.kw == 1 ? "outer" : "inner");
    wish.set("unroll", default_unroll(run_length(s, tile.padding), tile.accumulators()));
    wish.set("order", order).set("pixel_block", pixel_block).set("panel_block", int64_t{1}).set("inner", "pixels");
    wish.set("copy_at", order == "pixels" ? "block" : "whole")
        .set("prefetch", weight_bytes(s) > target.l2_bytes && !tile.all_written_out() ? "panel" : "no");
    wish.set("prefetch_output", int64_t{output_bytes(s) > target.l2_bytes ? 1 : 0});
    if (facts->fresh) wish.set("pack", int64_t{1});
    return space_of(facts).repair(wish).value();
}

}  // namespace

Template direct_template() {
    return {id(),
            "register tiles of pixels x vectors of output channels",
            {"conv2d", "conv1d", "conv3d", "capsule_conv2d"},
            applies,
            space,
            worked_out,
            build_direct};
}

}  // namespace tilesmith
