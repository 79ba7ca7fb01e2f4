// Shared objects by lld in this process. Apart from objects.cpp because lld is static and large.
#include <dlfcn.h>
#include <link.h>
#include <lld/Common/Driver.h>

#include <array>

#include "core/error.h"
#include "export/objects.h"

// lld's entry point for ELF; its header declares it through this macro alone.
LLD_HAS_DRIVER(elf)

namespace tilesmith {
namespace {

// The file of a system library as this process has loaded it: no development files are needed.
std::string system_library(const char* name) {
    void* const library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    link_map* map = nullptr;
    if (library == nullptr || dlinfo(library, RTLD_DI_LINKMAP, &map) != 0) {
        throw run_failed(std::string("cannot find ") + name);
    }
    const std::string path = map->l_name;
    dlclose(library);
    return path;
}

}  // namespace

void link_shared(const std::string& archive, const std::string& soname, const std::string& output) {
    const std::string libc = system_library("libc.so.6");
    const std::string libm = system_library("libm.so.6");
    const std::string pthread = system_library("libpthread.so.0");
    const std::vector<const char*> arguments = {"ld.lld",
                                                "-shared",
                                                "--threads=1",
                                                "-z",
                                                "defs",
                                                "-z",
                                                "now",
                                                "-z",
                                                "relro",
                                                "-z",
                                                "noexecstack",
                                                "-Bsymbolic",
                                                "--hash-style=gnu",
                                                "-soname",
                                                soname.c_str(),
                                                "-o",
                                                output.c_str(),
                                                "--whole-archive",
                                                archive.c_str(),
                                                "--no-whole-archive",
                                                "--as-needed",
                                                libm.c_str(),
                                                pthread.c_str(),
                                                libc.c_str()};
    const std::array<lld::DriverDef, 1> drivers = {{{lld::Gnu, &lld::elf::link}}};
    std::string messages;
    llvm::raw_string_ostream stream(messages);
    const lld::Result result = lld::lldMain(arguments, stream, stream, drivers);
    if (result.retCode != 0) throw run_failed("linking the library failed: " + messages);
}

}  // namespace tilesmith
