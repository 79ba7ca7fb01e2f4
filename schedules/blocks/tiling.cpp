// Domains of tile and block sizes.
#include "schedules/blocks/tiling.h"

#include <algorithm>
#include <iterator>

namespace tilesmith {

std::vector<int64_t> frugal_tiles(int64_t extent, const std::vector<int64_t>& tiles) {
    std::vector<int64_t> frugal;
    std::copy_if(tiles.begin(), tiles.end(), std::back_inserter(frugal),
                 [&](int64_t tile) { return little_waste(extent, tile); });
    if (!frugal.empty()) return frugal;
    int64_t least = round_up(extent, tiles.front());
    for (const int64_t tile : tiles) least = std::min(least, round_up(extent, tile));
    std::copy_if(tiles.begin(), tiles.end(), std::back_inserter(frugal),
                 [&](int64_t tile) { return round_up(extent, tile) == least; });
    return frugal;
}

std::vector<int64_t> balanced_blocks(int64_t count, int64_t least, int64_t most) {
    std::vector<int64_t> all;
    for (int64_t blocks = 1; blocks < 2 * count; blocks *= 2) {
        all.push_back(ceil_div(count, blocks));
        all.push_back(ceil_div(count, blocks * 3));
    }
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    std::vector<int64_t> inside;
    std::copy_if(all.begin(), all.end(), std::back_inserter(inside),
                 [&](int64_t block) { return block >= least && block <= most; });
    if (!inside.empty()) return inside;
    const auto distance = [&](int64_t block) { return block < least ? least - block : block - most; };
    return {*std::min_element(all.begin(), all.end(), [&](int64_t a, int64_t b) { return distance(a) < distance(b); })};
}

std::vector<int64_t> task_lengths(int64_t count, int64_t elements) {
    return balanced_blocks(count, std::clamp<int64_t>(kLeastTaskElements / elements, 1, count), count);
}

std::vector<int64_t> powers_of_two(int64_t most) {
    std::vector<int64_t> numbers;
    for (int64_t number = 1; number == 1 || number <= most; number *= 2) numbers.push_back(number);
    return numbers;
}

bool tile_fits_registers(int64_t rows, int64_t vectors, const Target& target) {
    return rows * vectors + vectors + 1 <= target.vector_registers;
}

std::vector<int64_t> tile_vectors(int64_t extent, int64_t lanes) {
    constexpr int64_t kMostVectors = 3;
    std::vector<int64_t> counts;
    for (int64_t count = 1; count <= std::min(kMostVectors, ceil_div(extent, lanes)); ++count) counts.push_back(count);
    return counts;
}

std::vector<int64_t> inner_tile_vectors(int64_t extent, int64_t lanes) {
    std::vector<int64_t> counts = tile_vectors(extent, lanes);
    std::erase_if(counts, [&](int64_t count) { return count * lanes > extent; });
    return counts;
}

std::vector<int64_t> tile_rows(int64_t extent, int64_t vectors, const Target& target) {
    constexpr int64_t kLatencyCycles = 4;
    std::vector<int64_t> counts;
    for (int64_t count = 1; count <= extent && tile_fits_registers(count, vectors, target); ++count)
        counts.push_back(count);
    std::vector<int64_t> busy = counts;
    std::erase_if(busy, [&](int64_t count) { return count * vectors < kLatencyCycles * target.fma_per_cycle; });
    return frugal_tiles(extent, busy.empty() ? std::vector<int64_t>{counts.back()} : busy);
}

std::vector<int64_t> unroll_factors(int64_t length, int64_t body) {
    constexpr int64_t kMostUnrolled = 64;
    std::vector<int64_t> factors{1};
    for (const int64_t factor : {2, 4, 8})
        if (length % factor == 0 && factor * body <= kMostUnrolled) factors.push_back(factor);
    return factors;
}

std::vector<Value> values_of(const std::vector<int64_t>& numbers) { return {numbers.begin(), numbers.end()}; }

std::vector<Value> texts(const std::vector<std::string>& choices) { return {choices.begin(), choices.end()}; }

}  // namespace tilesmith
