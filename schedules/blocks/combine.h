// How a reduction makes one number of two.
#pragma once

#include <Halide.h>

namespace tilesmith {

enum class Combine { sum, maximum };

// Combined with x it gives x.
inline Halide::Expr neutral(Combine how) { return how == Combine::sum ? Halide::Expr(0.0F) : Halide::Float(32).min(); }

inline Halide::Expr combine(Combine how, const Halide::Expr& a, const Halide::Expr& b) {
    return how == Combine::sum ? a + b : Halide::max(a, b);
}

}  // namespace tilesmith
