// Addresses in lowered code, for calls that our passes add. Internal to src/codegen.
#pragma once

#include <Halide.h>

#include <string>

namespace tilesmith {

// Where `element`, of so many bytes, of `buffer` lies.
inline Halide::Expr address_of(const std::string& buffer, const Halide::Expr& element, int element_bytes) {
    const Halide::Expr base = Halide::reinterpret<int64_t>(Halide::Internal::Variable::make(Halide::Handle(), buffer));
    return Halide::reinterpret(Halide::Handle(), base + Halide::cast<int64_t>(element) * element_bytes);
}

}  // namespace tilesmith
