// What code is generated for. Data: one JSON file a target in targets/, described field by field in targets/README.md.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace tilesmith {

struct Target {
    std::string name;                            // "x86-64-avx2"
    std::string description;                     // one line for people
    std::string halide;                          // Halide's target string: "x86-64-linux-avx-avx2-f16c-fma-sse41"
    std::string llvm_cpu;                        // "haswell": the processor model for inspection of machine code
    std::vector<std::string> requires_features;  // CPU features (LLVM's names) without which the code cannot run
    int vector_bits = 0;                         // width of one vector register
    int vector_registers = 0;                    // architectural vector registers
    int fma_per_cycle = 0;                       // vector fused multiply-adds started a cycle
    int loads_per_cycle = 0;                     // vector loads started a cycle
    int64_t l1_bytes = 0;                        // data caches, one core's view
    int64_t l2_bytes = 0;
    int64_t l3_bytes = 0;  // 0: none
    int line_bytes = 64;

    [[nodiscard]] int lanes(int element_bytes) const { return vector_bits / 8 / element_bytes; }

    // Every field is required and no other is allowed: throws bad_input naming `where` and the field.
    static Target from_json(const nlohmann::ordered_json& json, const std::string& where);
    [[nodiscard]] nlohmann::ordered_json to_json() const;
};

// The targets that ship with the program (targets/*.json), from the least to the most capable.
const std::vector<Target>& shipped_targets();

// A shipped target by name, or a file if `name_or_path` ends in ".json". Throws bad_input listing the names.
Target target_named(const std::string& name_or_path);

// The most capable shipped target whose required features are all among `host_features`; null if there is none.
const Target* nearest_target(const std::vector<std::string>& host_features);

// The features that `target` requires and the host lacks.
std::vector<std::string> missing_features(const Target& target, const std::vector<std::string>& host_features);

}  // namespace tilesmith
