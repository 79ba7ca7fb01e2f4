// Whether an output is stored past the caches: a decision of the templates that write each of its elements once. No
// Halide.
#pragma once

#include <cstdint>
#include <vector>

#include "core/problem.h"
#include "core/space.h"
#include "core/target.h"

namespace tilesmith {

// Adds the decision `store`, "cached" or "stream", where the output is large enough that there is something to decide;
// elsewhere spaces have no such decision.
void append_store(std::vector<Decision>& decisions, const Problem& problem, const Target& target);

// The choice of `store` that is worked out. `fills_lines`: vectors are stored one after the other, in rows that are
// aligned_rows().
const char* worked_out_store(const Problem& problem, const Target& target, bool fills_lines);

// Whether in rows of `elements` floats all vectors can be stored past the caches, which asks for 16 bytes of alignment.
constexpr bool aligned_rows(int64_t elements) { return elements % 4 == 0; }

// What a schedule decided, for Stage::stream_output.
bool streams_output(const Schedule& schedule);

}  // namespace tilesmith
