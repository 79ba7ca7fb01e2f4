// The one seeded generator: xoshiro256** (Blackman and Vigna, 2018), seeded by splitmix64. Its stream is part of what
// makes a session repeatable, so nothing here depends on a standard library's distributions, whose streams differ.
#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace tilesmith {

class Rng {
  public:
    explicit Rng(uint64_t seed) {
        for (uint64_t& word : state_) {
            seed += 0x9e3779b97f4a7c15U;
            uint64_t z = seed;
            z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
            z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
            word = z ^ (z >> 31U);
        }
    }

    uint64_t next() {
        const uint64_t result = rotl(state_[1] * 5, 7) * 9;
        const uint64_t t = state_[1] << 17U;
        state_[2] ^= state_[0];
        state_[3] ^= state_[1];
        state_[1] ^= state_[2];
        state_[0] ^= state_[3];
        state_[2] ^= t;
        state_[3] = rotl(state_[3], 45);
        return result;
    }

    // A number in [0, bound), unbiased (Lemire's method). `bound` must be positive.
    uint64_t below(uint64_t bound) {
        assert(bound > 0);
        for (;;) {
            const uint64_t x = next();
            const auto product = static_cast<unsigned __int128>(x) * bound;
            if (static_cast<uint64_t>(product) >= (-bound) % bound) return static_cast<uint64_t>(product >> 64U);
        }
    }

    // A number in [0, 1).
    double uniform() { return static_cast<double>(next() >> 11U) * 0x1p-53; }

    template <class T>
    const T& pick(const std::vector<T>& from) {
        return from[static_cast<size_t>(below(from.size()))];
    }

    template <class T>
    void shuffle(std::vector<T>& items) {
        for (size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[static_cast<size_t>(below(i))]);
    }

  private:
    static uint64_t rotl(uint64_t x, unsigned k) { return (x << k) | (x >> (64U - k)); }
    std::array<uint64_t, 4> state_{};
};

}  // namespace tilesmith
