// A library opened at run time under a private scope, because OpenBLAS and BLIS define the same names.
#pragma once

#include <initializer_list>
#include <string>

namespace tilesmith {

class SharedLibrary {
  public:
    // Opens the first of `names` that the dynamic loader finds. It stays open for the life of the process: these
    // libraries own threads, which must not lose their code.
    explicit SharedLibrary(std::initializer_list<const char*> names);

    [[nodiscard]] bool open() const { return handle_ != nullptr; }

    // Null if the library is not open or has no such symbol (its own dependencies are searched too).
    template <class Function>
    Function function(const char* name) const {
        return reinterpret_cast<Function>(address(name));
    }

  private:
    [[nodiscard]] void* address(const char* name) const;
    void* handle_ = nullptr;
};

}  // namespace tilesmith
