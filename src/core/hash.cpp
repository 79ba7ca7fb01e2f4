#include "core/hash.h"

#include <fmt/format.h>

namespace tilesmith {

uint64_t stable_hash(std::string_view text) {
    uint64_t h = 0xcbf29ce484222325U;
    for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    h = (h ^ (h >> 33U)) * 0xff51afd7ed558ccdU;
    h = (h ^ (h >> 33U)) * 0xc4ceb9fe1a85ec53U;
    return h ^ (h >> 33U);
}

std::string hash_text(uint64_t hash) { return fmt::format("{:016x}", hash); }

}  // namespace tilesmith
