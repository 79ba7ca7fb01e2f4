// Machine code in memory: compiling the public functions, renaming and hiding symbols, archives, shared objects.
// Everything the export needs of LLVM and lld, so that neither a compiler nor a linker has to be installed. No LLVM
// types here.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace tilesmith {

struct SymbolTable {
    std::set<std::string> defined;  // global ones
    std::set<std::string> undefined;
};

// All throw run_failed on a malformed object.
SymbolTable symbols_of(const std::string& object);

// Size and hash of the executable sections of `object`.
struct Code {
    int64_t bytes = 0;
    std::string hash;  // 16 hexadecimal digits
};
Code code_of(const std::string& object);

// `object` with its symbols renamed; every global symbol that it defines becomes hidden unless its new name is in
// `visible`. Local symbols that nothing needs and debug sections are dropped.
std::string rename_symbols(const std::string& object, const std::map<std::string, std::string>& names,
                           const std::set<std::string>& visible);

// Compiles LLVM's textual IR to an object for any x86-64 processor (position-independent). A malformed text is a bug:
// throws run_failed with LLVM's message.
std::string compile_ir(const std::string& ir);

struct ArchiveMember {
    std::string name;  // "runtime.o"
    std::string object;
};
// The bytes of a static library; the same for the same members.
std::string make_archive(const std::vector<ArchiveMember>& members);

// Links all of the static library at `archive` into the shared object `output`. What the library leaves undefined must
// be libc's or libm's: throws run_failed with the linker's message otherwise.
void link_shared(const std::string& archive, const std::string& soname, const std::string& output);

}  // namespace tilesmith
