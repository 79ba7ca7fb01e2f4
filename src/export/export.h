// The kernel library: selections become a C library that needs neither Halide nor C++, with a header, a manifest, a
// CMake package and a pkg-config file. The library's ABI is written down in docs/abi.md.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "codegen/compiler.h"
#include "core/conditions.h"
#include "core/device.h"
#include "core/outcome.h"
#include "core/problem.h"
#include "core/schedule.h"
#include "core/target.h"

namespace tilesmith {

inline constexpr const char* kDefaultLibraryName = "tilesmith_kernels";

// One kernel of the library: a selection, or the default schedule where there is none.
struct ExportEntry {
    Problem problem;
    Conditions conditions;
    Schedule schedule;
    std::string tier;      // "exact" or "default": how the schedule was found
    double median_ns = 0;  // as measured by the final re-rank; 0 where nothing was measured
    Interval interval_ns;  // of median_ns; 0, 0 where nothing was measured
};

struct ExportRequest {
    std::vector<ExportEntry> entries;  // the same problem twice only if it is the same entry
    Target target;
    Device device;
    Toolchain toolchain;
    std::string
        output;  // the folder to make; replaced if it holds an earlier export, refused if it holds anything else
    // A C identifier in lower case. The default gives plain names (tilesmith_matmul_...); any other name NAME gives
    // tilesmith_NAME_..., so that libraries exported apart link into one program.
    std::string name = kDefaultLibraryName;
    bool shared = false;  // a shared library beside the static one
    // The program that checks the finished library in a process of its own, called as
    // `PROGRAM... verify-library LIBRARY.so MANIFEST`; it must hand these to verify_library_main.
    std::vector<std::string> verifier = {"/proc/self/exe"};
    // What makes the kernels; replaced by tests that need a wrong one.
    std::function<CompileResult(const ExportEntry&, const std::string& symbol)> compile;
    // Called as the work goes on ("compiling", 3, 10), for a progress line. May be empty.
    std::function<void(const std::string& step, size_t done, size_t total)> progress;
};

struct ExportedKernel {
    std::string symbol;   // the public C function (its packed form for weights=fixed)
    std::string problem;  // canonical text
    std::string tier;
    int64_t code_bytes = 0;
};

struct ExportReport {
    std::string output;              // the folder
    std::vector<std::string> files;  // relative to it
    std::vector<ExportedKernel> kernels;
    int64_t library_bytes = 0;  // of the static library
    int functions_checked = 0;  // every function of the finished library, called and compared
};

// Writes the library to request.output, all or nothing: until every function of the finished library has been called
// and its result compared with the reference, nothing appears there. Throws bad_input (no entries, a problem twice, a
// bad name, a parent folder that is missing or unwritable, a folder that is no export, a target this host cannot run
// and so cannot check), negative_answer (a kernel does not compile, is wrong or crashes) or run_failed (disk full,
// ...).
ExportReport export_library(const ExportRequest& request);

// The hidden subcommand `verify-library LIBRARY.so MANIFEST`: calls every function of the library and compares. Prints
// one line of JSON: {"functions": N} or {"error": TEXT}. Returns the exit status: 0 right, 1 wrong, 3 the check itself
// failed.
int verify_library_main(const std::string& library, const std::string& manifest);

}  // namespace tilesmith
