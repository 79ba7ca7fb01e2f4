// A stable 64-bit hash of canonical text (FNV-1a with a final mix): the same on every machine and in every version,
// because it names schedules and devices in databases that outlive the program.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tilesmith {

uint64_t stable_hash(std::string_view text);

// The hash as 16 lower-case hexadecimal digits: the form that people type and databases keep.
std::string hash_text(uint64_t hash);

}  // namespace tilesmith
