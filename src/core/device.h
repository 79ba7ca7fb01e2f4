// The kind of machine that a time was measured on, and the programs that made the code: two parts of every trial's key.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace tilesmith {

struct Device {
    // The key: vendor, family/model/stepping, features that matter, cache sizes. No marketing name, no core count,
    // nothing measured. "x86-64 AuthenticAMD 25/1/1 avx2,fma,... l1=32K l2=512K l3=32M"
    std::string fingerprint;
    std::string description;       // for people: "AMD EPYC (Zen 3), 2 cores"
    nlohmann::ordered_json facts;  // cores, caches, measured peak and bandwidth where known
};

struct Toolchain {
    // The key: "halide 21.0.0" (LLVM inside). Not our own version: a template that changes has a version of its own.
    std::string text;
};

// The version of this program, as in `tilesmith --version`.
std::string program_version();

}  // namespace tilesmith
