// The tail of a split, where its factor is known to divide the extent or not.
#pragma once

#include <Halide.h>

#include <cstdint>

namespace tilesmith {

// `ragged` where the last piece of `factor` elements would stick out; else none is needed.
inline Halide::TailStrategy tail(int64_t extent, int64_t factor, Halide::TailStrategy ragged) {
    return extent % factor == 0 ? Halide::TailStrategy::RoundUp : ragged;
}

}  // namespace tilesmith
