// Which decisions the template register_tile has, and the schedule worked out from the target's numbers.
#include <algorithm>
#include <string>
#include <vector>

#include "schedules/blocks/tiling.h"
#include "schedules/matmul/operands.h"
#include "schedules/matmul/register_tile.h"

namespace tilesmith {
namespace {

// nv + 1 or mr + 1 registers hold the operands of one step of k, the rest accumulators.
bool fits_registers(int64_t mr, int64_t nv, const Target& target) {
    return mr * nv + std::min(mr, nv) + 1 <= target.vector_registers;
}

// Enough independent sums to hide the latency of a multiply-add (4 cycles on every target here, 5 on some).
int64_t enough_sums(const Target& target) {
    return std::min<int64_t>(4 * target.fma_per_cycle, target.vector_registers / 2);
}

std::vector<int64_t> up_to(int64_t last) {
    std::vector<int64_t> numbers;
    for (int64_t i = 1; i <= last; ++i) numbers.push_back(i);
    return numbers;
}

std::vector<int64_t> row_counts(const MatmulShape& shape, int64_t nv, const Target& target) {
    std::vector<int64_t> rows;
    for (const int64_t mr : up_to(std::min<int64_t>(shape.m, target.vector_registers)))
        if (fits_registers(mr, nv, target)) rows.push_back(mr);
    std::vector<int64_t> busy;
    std::copy_if(rows.begin(), rows.end(), std::back_inserter(busy),
                 [&](int64_t mr) { return mr * nv >= enough_sums(target); });
    return frugal_tiles(shape.m, busy.empty() ? std::vector<int64_t>{rows.back()} : busy);
}

std::vector<int64_t> vector_counts(const MatmulShape& shape, const Target& target) {
    const int64_t lanes = target.lanes(4);
    std::vector<int64_t> lengths;
    for (int64_t nv = 1; nv <= 4 && (nv - 1) * lanes < shape.n; ++nv)
        if (fits_registers(1, nv, target)) lengths.push_back(nv * lanes);
    lengths = frugal_tiles(shape.n, lengths);
    for (int64_t& length : lengths) length /= lanes;
    return lengths;
}

// Blocks of k: none, or such that a block is 128 to 768 deep. What remains is summed less efficiently.
std::vector<int64_t> k_block_counts(const MatmulShape& shape) {
    std::vector<int64_t> counts;
    if (shape.k <= 2048) counts.push_back(1);
    for (const int64_t count : {2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64})
        if (shape.k / count >= 128 && shape.k / count <= 768) counts.push_back(count);
    return counts.empty() ? std::vector<int64_t>{ceil_div(shape.k, 768)} : counts;
}

// How far the loop over a block of k is unrolled: bounded by the code's size, and by what remains of k.
std::vector<int64_t> k_unrolls(const MatmulShape& shape, int64_t blocks, int64_t sums) {
    std::vector<int64_t> unrolls;
    for (const int64_t unroll : {1, 2, 4, 8}) {
        const int64_t remains = shape.k % (blocks * unroll);
        if (unroll == 1 || (unroll * blocks <= shape.k && unroll * sums <= 96 && remains * 32 <= shape.k))
            unrolls.push_back(unroll);
    }
    return unrolls;
}

}  // namespace

bool RegisterTiledMatmul::applies(const Problem& problem, const Target&) { return problem.dtype() == DType::f32; }

Space RegisterTiledMatmul::space(const Problem& problem, const Target& target, const Conditions& conditions) {
    const MatmulShape shape(problem);
    const int64_t lanes = target.lanes(4);
    const bool fixed = problem.weights() == Weights::fixed;
    std::vector<Decision> decisions;
    decisions.push_back({"nv", [=](const Schedule&) { return values_of(vector_counts(shape, target)); }});
    decisions.push_back(
        {"mr", [=](const Schedule& s) { return values_of(row_counts(shape, s.number("nv"), target)); }});
    decisions.push_back({"pack_b", [=](const Schedule& s) {
                             std::vector<Value> choices;
                             const bool fits = s.number("nv") * lanes <= shape.n;
                             if (!shape.tb && fits) choices.emplace_back("none");
                             if (fixed) choices.emplace_back("ahead");
                             if (!fixed) choices.emplace_back("panel");
                             if (!fixed) choices.emplace_back("block");
                             if (!fixed && conditions.threads > 1) choices.emplace_back("whole");
                             return choices;
                         }});
    decisions.push_back({"pack_a", [=](const Schedule&) { return std::vector<Value>{"none", "panel", "block"}; }});
    decisions.push_back({"order", [=](const Schedule& s) {
                             std::vector<Value> choices;
                             if (s.choice("pack_b") != "panel") choices.emplace_back("mn");
                             if (s.choice("pack_a") != "panel") choices.emplace_back("nm");
                             return choices;
                         }});
    decisions.push_back({"k_blocks", [=](const Schedule&) { return values_of(k_block_counts(shape)); }});
    decisions.push_back({"k_unroll", [=](const Schedule& s) {
                             return values_of(k_unrolls(shape, s.number("k_blocks"), s.number("mr") * s.number("nv")));
                         }});
    // With k in blocks, a block is computed whole, so it must not stick out (much).
    const auto blocks = [=](const Schedule& s, int64_t extent, int64_t tile, bool packed) {
        const int64_t tiles = ceil_div(extent, tile);
        std::vector<int64_t> lengths = balanced_blocks(tiles, 1, tiles);
        if (s.number("k_blocks") == 1) return values_of(lengths);
        std::erase_if(lengths, [&](int64_t length) {
            return length > 1 && ((!packed && length * tile > extent) || round_up(tiles, length) * 7 > tiles * 8);
        });
        return values_of(lengths.empty() ? std::vector<int64_t>{1} : lengths);
    };
    decisions.push_back({"m_block", [=](const Schedule& s) {
                             return blocks(s, shape.m, s.number("mr"), s.choice("pack_a") != "none");
                         }});
    decisions.push_back({"n_block", [=](const Schedule& s) {
                             return blocks(s, shape.n, s.number("nv") * lanes, s.choice("pack_b") != "none");
                         }});
    decisions.push_back({"outer", [=](const Schedule& s) {
                             const bool one_m = s.number("m_block") * s.number("mr") >= shape.m;
                             std::vector<Value> choices{"n"};
                             if (s.choice("pack_b") != "block" || one_m) choices.emplace_back("m");
                             return choices;
                         }});
    if (conditions.threads > 1)
        decisions.push_back({"parallel", [=](const Schedule&) {
                                 return std::vector<Value>{"outer", "inner", "both"};
                             }});
    return {id(), decisions};
}

Schedule RegisterTiledMatmul::default_schedule(const Problem& problem, const Target& target,
                                               const Conditions& conditions) {
    Schedule wish(id());
    return *space(problem, target, conditions).repair(wish);
}

}  // namespace tilesmith
