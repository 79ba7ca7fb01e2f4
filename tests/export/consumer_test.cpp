// The finished library as its users meet it: a C compiler, an empty folder, nothing of ours in reach.
#include <catch2/catch.hpp>
#include <filesystem>
#include <sstream>

#include "fixture.h"

using namespace tilesmith;
using test::CommandResult;
using test::read_file;
using test::request_for;
using test::run_command;
using test::TemporaryFolder;

namespace {

const std::string kCompiler = TILESMITH_TEST_CC;

// The library that consumer/main.c uses, moved after it was exported: it must not remember where it was made.
void export_for_consumer(const TemporaryFolder& folder, bool shared) {
    ExportRequest request =
        request_for({"matmul m=37 n=29 k=53", "conv2d h=9 w=11 ci=5 co=13 kh=3 kw=3 pad=1 epilogue=bias,relu"}, 2,
                    folder.path("made"));
    request.shared = shared;
    export_library(request);
    std::filesystem::rename(folder.path("made"), folder.path("moved"));
    std::filesystem::create_directory(folder.path("user"));
    for (const char* file : {"main.c", "CMakeLists.txt"}) {
        std::filesystem::copy(std::string(TILESMITH_TEST_CONSUMERS) + "/" + file, folder.path("user"));
    }
}

void check_command(const std::string& folder, const std::string& command, const std::string& expected) {
    const CommandResult result = run_command(folder, command);
    INFO(command << "\n" << result.output);
    CHECK(result.status == 0);
    CHECK(result.output.find(expected) != std::string::npos);
}

}  // namespace

TEST_CASE("consumer: a C program finds the library through CMake and gets right numbers", "[kernel]") {
    const TemporaryFolder folder;
    export_for_consumer(folder, false);
    const std::string cmake = TILESMITH_TEST_CMAKE;
    check_command(folder.path("user"),
                  cmake + " -G Ninja -S . -B build -DCMAKE_PREFIX_PATH='" + folder.path("moved") + "' && " + cmake +
                      " --build build && build/consumer",
                  "all right");
}

TEST_CASE("consumer: a C program finds the library through pkg-config and gets right numbers", "[kernel]") {
    const TemporaryFolder folder;
    export_for_consumer(folder, true);
    const std::string package =
        "PKG_CONFIG_PATH='" + folder.path("moved") + "/lib/pkgconfig' " + TILESMITH_TEST_PKG_CONFIG;
    check_command(folder.path("user"),
                  kCompiler + " main.c $(" + package +
                      " --cflags --libs tilesmith_kernels) -o shared && LD_LIBRARY_PATH='" + folder.path("moved") +
                      "/lib' ./shared",
                  "all right");
    std::filesystem::remove(folder.path("moved/lib/libtilesmith_kernels.so"));
    check_command(folder.path("user"),
                  kCompiler + " main.c $(" + package + " --cflags --libs tilesmith_kernels) -o static && ./static",
                  "all right");
}

TEST_CASE("consumer: the header is C99 and C++ without a warning", "[kernel]") {
    const TemporaryFolder folder;
    export_for_consumer(folder, false);
    const std::string flags =
        " -Wall -Wextra -Wstrict-prototypes -pedantic -Werror -fsyntax-only -I " + folder.path("moved/include");
    test::write_file(folder.path("user/include.c"), "#include <tilesmith_kernels.h>\n#include <tilesmith_kernels.h>\n");
    test::write_file(folder.path("user/include.cpp"),
                     "#include <tilesmith_kernels.h>\n#include <tilesmith_kernels.h>\n");
    check_command(folder.path("user"), kCompiler + " -std=c99" + flags + " include.c", "");
    check_command(folder.path("user"), kCompiler + " -std=c99" + flags + " main.c", "");
    const std::string cxx_flags =
        " -Wall -Wextra -Wold-style-cast -pedantic -Werror -fsyntax-only -I " + folder.path("moved/include");
    check_command(folder.path("user"), std::string(TILESMITH_TEST_CXX) + " -std=c++11" + cxx_flags + " include.cpp",
                  "");
}

TEST_CASE("consumer: the library defines nothing outside tilesmith_ and needs only the C library", "[kernel]") {
    const TemporaryFolder folder;
    export_for_consumer(folder, true);
    const std::string lib = folder.path("moved/lib/libtilesmith_kernels");
    std::istringstream defined(run_command(folder.path("user"), "nm -g --defined-only -P " + lib + ".a").output);
    size_t symbols = 0;
    for (std::string line; std::getline(defined, line);) {
        if (line.empty() || line.back() == ':') continue;  // the name of a member
        CAPTURE(line);
        CHECK(line.starts_with("tilesmith_"));
        ++symbols;
    }
    CHECK(symbols > 10);
    std::istringstream undefined(run_command(folder.path("user"), "nm -u -P " + lib + ".a").output);
    for (std::string line; std::getline(undefined, line);) {
        CAPTURE(line);
        CHECK_FALSE(line.starts_with("_Z"));
        CHECK_FALSE(line.starts_with("halide"));
        CHECK_FALSE(line.starts_with("__cxa_throw"));
    }
    // The linker is the judge of what is undefined: nothing but libc and libm may be needed.
    check_command(folder.path("user"),
                  kCompiler + " -shared -nodefaultlibs -Wl,-z,defs -o all.so -Wl,--whole-archive " + lib +
                      ".a -Wl,--no-whole-archive -lc -lm -lpthread && echo linked",
                  "linked");

    std::istringstream visible(run_command(folder.path("user"), "nm -D --defined-only -P " + lib + ".so").output);
    for (std::string line; std::getline(visible, line);) {
        CAPTURE(line);
        CHECK(line.starts_with("tilesmith_"));
        CHECK(line.find("_rt_") == std::string::npos);
    }
    const CommandResult needed = run_command(folder.path("user"), "readelf -d " + lib + ".so | grep NEEDED");
    CHECK(needed.output.find("libc.so.6") != std::string::npos);
    CHECK(needed.output.find("stdc++") == std::string::npos);
    CHECK(needed.output.find("alide") == std::string::npos);
    const CommandResult text = run_command(folder.path("user"), "readelf -d " + lib + ".so | grep TEXTREL");
    CHECK(text.output.empty());
}

TEST_CASE("consumer: two libraries exported apart run in one program at the same time", "[kernel]") {
    const TemporaryFolder folder;
    std::string command = kCompiler + " " + TILESMITH_TEST_CONSUMERS + "/two_libraries.c -o two";
    for (const char* name : {"alpha", "beta"}) {
        ExportRequest request = request_for({"matmul m=64 n=64 k=64"}, 2, folder.path(name));
        request.name = name;
        export_library(request);
        command += " -I " + folder.path(name) + "/include " + folder.path(name) + "/lib/lib" + name + ".a";
    }
    check_command(folder.path(""), command + " -pthread -lm && ./two", "all right");
}

TEST_CASE("consumer: a shared library can be loaded, used, forked with and unloaded again and again", "[kernel]") {
    const TemporaryFolder folder;
    ExportRequest request = request_for({"matmul m=512 n=512 k=64"}, 2, folder.path("dist"));
    request.shared = true;
    export_library(request);
    check_command(folder.path(""),
                  kCompiler + " -std=gnu99 -Wall -Wextra -Werror -pedantic -I dist/include " +
                      TILESMITH_TEST_CONSUMERS +
                      "/reload.c -o reload -ldl && ./reload ./dist/lib/libtilesmith_kernels.so",
                  "all right");
}
