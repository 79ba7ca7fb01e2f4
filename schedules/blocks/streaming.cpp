#include "schedules/blocks/streaming.h"

#include "schedules/operator.h"

namespace tilesmith {

namespace {

// A store to a line that is in no cache reads the line first and writes it back later; past the caches it is only
// written. That pays where the output leaves the caches before anything reads it again, and costs where it would have
// stayed. On Sapphire Rapids (L2 of 2 MB, one thread, `tilesmith try elementwise ... epilogue=relu`) it was no faster
// for outputs up to 32 MB, and 1.2 times as fast for 128 MB; transposes of 64 MB took half as long.
constexpr int64_t kLeastL2s = 4;       // what the search may try
constexpr int64_t kWorkedOutL2s = 16;  // what is taken without measuring

int64_t output_bytes(const Problem& problem) { return operator_of(problem).arguments(problem).back().bytes(); }

}  // namespace

void append_store(std::vector<Decision>& decisions, const Problem& problem, const Target& target) {
    if (output_bytes(problem) <= kLeastL2s * target.l2_bytes) return;
    decisions.push_back({"store", [](const Schedule&) { return std::vector<Value>{"cached", "stream"}; }});
}

const char* worked_out_store(const Problem& problem, const Target& target, bool fills_lines) {
    return fills_lines && output_bytes(problem) > kWorkedOutL2s * target.l2_bytes ? "stream" : "cached";
}

bool streams_output(const Schedule& schedule) {
    return schedule.find("store") != nullptr && schedule.choice("store") == "stream";
}

}  // namespace tilesmith
