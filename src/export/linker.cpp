// Shared objects by lld in this process. Apart from objects.cpp because lld is static and large.
#include <dlfcn.h>
#include <link.h>
#include <lld/Common/Driver.h>

#include <array>
#include <filesystem>
#include <fstream>

#include "core/error.h"
#include "export/objects.h"

// lld's entry point for ELF; its header declares it through this macro alone.
LLD_HAS_DRIVER(elf)

namespace tilesmith {
namespace {

// What a C compiler's start files and glibc's libc_nonshared.a add to every shared object: its handle, so that handlers
// for fork() end with it. (pthread_atfork is not in libc.so.6.)
constexpr const char* kStartFile = R"(
@__dso_handle = hidden global ptr @__dso_handle
@llvm.global_dtors = appending global [1 x { i32, ptr, ptr }] [{ i32, ptr, ptr } { i32 65535, ptr @finish, ptr null }]
declare i32 @__register_atfork(ptr, ptr, ptr, ptr)
declare void @__cxa_finalize(ptr)
define hidden i32 @pthread_atfork(ptr %prepare, ptr %parent, ptr %child) {
  %code = call i32 @__register_atfork(ptr %prepare, ptr %parent, ptr %child, ptr @__dso_handle)
  ret i32 %code
}
define internal void @finish() {
  call void @__cxa_finalize(ptr @__dso_handle)
  ret void
}
)";

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
    const std::string start = output + ".start.o";
    std::ofstream(start, std::ios::binary) << compile_ir(kStartFile);
    const std::vector<const char*> arguments = {
        "ld.lld", "-shared", "--threads=1", "-zdefs", "-znow", "-zrelro", "-znoexecstack", "-Bsymbolic",
        // What to link, and against what.
        "-soname", soname.c_str(), "-o", output.c_str(), "--whole-archive", archive.c_str(), "--no-whole-archive",
        start.c_str(), "--as-needed", libm.c_str(), pthread.c_str(), libc.c_str()};
    const std::array<lld::DriverDef, 1> drivers = {{{lld::Gnu, &lld::elf::link}}};
    std::string messages;
    llvm::raw_string_ostream stream(messages);
    const lld::Result result = lld::lldMain(arguments, stream, stream, drivers);
    std::filesystem::remove(start);
    if (result.retCode != 0) throw run_failed("linking the library failed: " + messages);
}

}  // namespace tilesmith
