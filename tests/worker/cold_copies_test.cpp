#include "worker/cold_copies.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdint>
#include <cstring>
#include <set>
#include <string>

#include "codegen/host.h"

using namespace tilesmith;

TEST_CASE("cold copies: all equal, on pages of their own, together twice the last cache or a network's weights",
          "[unit]") {
    const size_t bytes = GENERATE(size_t{100}, size_t{5000}, size_t{1} << 22);
    const std::string data(bytes, 'w');
    const ColdCopies copies(data.data(), bytes);
    const Target target = resolve_target("host", /*must_run=*/false, nullptr);
    const size_t whole = (bytes + 4095) / 4096 * 4096;
    const size_t together = copies.places().size() * whole;
    CHECK(together >= std::min(2 * static_cast<size_t>(target.l3_bytes), ColdCopies::kMostBytes));
    CHECK(together <= ColdCopies::kMostBytes + 2 * whole);
    std::set<void*> distinct;
    size_t wrong = 0;
    for (void* const place : copies.places()) {
        distinct.insert(place);
        if (reinterpret_cast<uintptr_t>(place) % 4096 != 0 || std::memcmp(place, data.data(), bytes) != 0) ++wrong;
    }
    CHECK(wrong == 0);
    CHECK(distinct.size() == copies.places().size());
}
