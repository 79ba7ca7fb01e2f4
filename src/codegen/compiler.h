// From a schedule to object code, features and a legality verdict: everything that needs Halide. Halide's errors are
// caught here and nowhere else; they become outcomes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/conditions.h"
#include "core/outcome.h"
#include "core/problem.h"
#include "core/schedule.h"
#include "core/target.h"

namespace tilesmith {

enum class Checks {
    none,        // for trials: no assertions in the kernel
    assertions,  // for winners, property tests and export: every buffer access is proved or checked on entry
};

// An object without any runtime in it. Its undefined symbols are those of runtime/tilesmith_runtime.h and libc's.
struct KernelObject {
    std::string object;  // ELF bytes
    // int run(void* workspace, const void* input..., void* output): raw pointers in argument order, the packed weight
    // in the weight's place; `workspace` null: heap. Returns 0 or one of the runtime's error codes.
    std::string run_symbol;
    std::string pack_symbol;   // int pack(void* workspace, const void* weight, void* packed); empty without packing
    int64_t packed_bytes = 0;  // 0 without packing
    // Heap memory a call takes: once a call, and once for each thread that runs its parallel loop.
    int64_t workspace_bytes = 0;
    int64_t workspace_bytes_per_thread = 0;
    // The operator's arguments, by position, that may be the output itself (same pointer): tensors of the output's
    // shape of which every element is read only for the output element in its place, in a schedule that computes each
    // output element once. What an `add` adds, for one, unless tiles that do not divide the output overlap.
    std::vector<size_t> in_place;
};

struct CompileResult {
    Outcome outcome;                     // ok, illegal or compile_failed; compile_ms is set
    std::optional<KernelObject> kernel;  // when ok
};

// `symbol` is the prefix of the symbols: run is `symbol`, pack is `symbol` + "_pack_w".
CompileResult compile(const Problem& problem, const Schedule& schedule, const Target& target,
                      const Conditions& conditions, Checks checks, const std::string& symbol);

// Numbers about the scheduled loop nest, by name; the same names in the same order for every schedule, template and
// operator. Ratios to the target's numbers rather than absolute ones. Microseconds to compute: no lowering. Throws
// run_failed if the template cannot build the schedule.
const std::vector<std::string>& feature_names();
std::vector<float> features(const Problem& problem, const Schedule& schedule, const Target& target,
                            const Conditions& conditions);

// The loop nest as Halide prints it, for people.
std::string loop_nest_text(const Problem&, const Schedule&, const Target&, const Conditions&);

}  // namespace tilesmith
