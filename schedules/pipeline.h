// What a template builds: Halide functions with their schedules applied. Included by templates and src/codegen only.
#pragma once

#include <Halide.h>

#include <cstdint>
#include <functional>
#include <numeric>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace tilesmith {

// While the tiles of one panel are computed, the rows that the copy of the next panel will read are asked for, shared
// out among the tiles and the iterations of their reductions. A hint: no result depends on it.
struct PanelPrefetch {
    std::string copy;      // the Func that copies a panel, a row an iteration of its innermost loop
    std::string consumer;  // the Func whose first update reads the panel, inside of a loop over tiles
    int tiles = 1;         // that share out the rows
    int columns = 0;       // elements of a row: the next panel's begin where this one's end
};

// The same for panels that are read where they lie packed, one after the other.
struct PackedPrefetch {
    std::string packed;                   // the input
    std::string consumer;                 // as above
    std::vector<std::string> tile_loops;  // the variables of the loops over tiles
    int tiles = 1;                        // in all of these loops; those written out within them are found
    int64_t run = 0;                      // elements that the innermost loop of the consumer's update reads in all
    int64_t panel = 0;                    // elements from one panel to the next
};

// While a tile is summed, what the next one will read of an input, which follows in memory, is asked for.
struct NextTilePrefetch {
    std::string input;
    std::string consumer;  // the Func whose first update reads it, an element after the other in its innermost loop
    int64_t elements = 0;  // that a tile reads
};

// What is read once, from end to end, is asked for some way ahead of its reading.
struct StreamPrefetch {
    std::string input;
    std::string consumer;  // the Func whose first update reads it in its innermost loop
    int64_t elements = 0;  // ahead
};

// While a tile is summed in registers, the lines that it will be stored to are asked for, and those of tensors that are
// added to it, so that its end does not wait for them (as BLIS's kernels do: Van Zee and van de Geijn, BLIS, TOMS
// 2015).
struct OutputPrefetch {
    std::string tile;  // the Func that holds the sums
};

using Prefetch = std::variant<PanelPrefetch, PackedPrefetch, NextTilePrefetch, StreamPrefetch, OutputPrefetch>;

// How many elements a buffer of these extents has.
inline int64_t elements_of(const std::vector<int64_t>& extents) {
    return std::accumulate(extents.begin(), extents.end(), int64_t{1}, std::multiplies<>());
}

// One compiled function. Every buffer is dense: dimension 0 is contiguous, min 0, the extents below, the strides their
// products; codegen declares that to Halide (bounds and strides of every input and of the output).
struct Stage {
    Halide::Func output;
    std::vector<Halide::ImageParam> inputs;
    std::vector<std::vector<int64_t>> input_extents;  // Halide's order: innermost first
    std::vector<int64_t> output_extents;
    std::vector<Prefetch> prefetches = {};
    bool stream_output = false;  // dense vectors of the output, which nothing reads, are stored past the caches
};

struct Pipeline {
    // The operator itself: inputs in the order of Operator::arguments. With `pack`, the weight's place is taken by the
    // packed weight, whose extents are pack->output_extents.
    Stage run;
    // weights=fixed only: from the plain weight (its only input) to the packed form this schedule wants. Without it the
    // weight is used as it is.
    std::optional<Stage> pack;
};

}  // namespace tilesmith
