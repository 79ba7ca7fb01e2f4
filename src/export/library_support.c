// The part of an exported library that is the same in all of them beside the run time: its library-wide public
// functions and the check of the CPU. Compiled when Tilesmith is built and packed into every library, there with its
// names changed: tilesmith_public_X becomes the library's public X, tilesmith_support_X and tilesmith_rt_X become
// hidden.
#include <cpuid.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "runtime/tilesmith_runtime.h"

#define HIDDEN __attribute__((visibility("hidden")))
#define PUBLIC __attribute__((visibility("default")))

// Codes beside the run time's; the header of the library names them.
enum { kNullPointer = -34, kUnsupportedCpu = -1001, kNoKernel = -1002 };

// Generated with each library: LLVM's names of the CPU features its kernels use, separated by commas, and the largest
// number of threads that one of them was tuned for.
extern HIDDEN const char tilesmith_support_features[];
extern HIDDEN const int tilesmith_support_threads;

enum cpuid_register { kEax, kEbx, kEcx, kEdx };
// Register state that the operating system must keep for a feature: bits of XCR0.
enum { kNone = 0, kAvxState = 0x6, kAvx512State = 0xe6, kAmxState = 0x60006 };

struct feature {
    const char* name;
    uint32_t leaf;
    uint32_t subleaf;
    enum cpuid_register reg;
    int bit;
    uint32_t state;
};

// Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2A, CPUID; AMD64 Architecture Programmer's
// Manual, volume 3, appendix E.
static const struct feature features[] = {
    {"sse2", 1, 0, kEdx, 26, kNone},
    {"sse3", 1, 0, kEcx, 0, kNone},
    {"pclmul", 1, 0, kEcx, 1, kNone},
    {"ssse3", 1, 0, kEcx, 9, kNone},
    {"fma", 1, 0, kEcx, 12, kAvxState},
    {"cx16", 1, 0, kEcx, 13, kNone},
    {"sse4.1", 1, 0, kEcx, 19, kNone},
    {"sse4.2", 1, 0, kEcx, 20, kNone},
    {"movbe", 1, 0, kEcx, 22, kNone},
    {"popcnt", 1, 0, kEcx, 23, kNone},
    {"aes", 1, 0, kEcx, 25, kNone},
    {"avx", 1, 0, kEcx, 28, kAvxState},
    {"f16c", 1, 0, kEcx, 29, kAvxState},
    {"bmi", 7, 0, kEbx, 3, kNone},
    {"avx2", 7, 0, kEbx, 5, kAvxState},
    {"bmi2", 7, 0, kEbx, 8, kNone},
    {"avx512f", 7, 0, kEbx, 16, kAvx512State},
    {"avx512dq", 7, 0, kEbx, 17, kAvx512State},
    {"avx512ifma", 7, 0, kEbx, 21, kAvx512State},
    {"avx512cd", 7, 0, kEbx, 28, kAvx512State},
    {"avx512bw", 7, 0, kEbx, 30, kAvx512State},
    {"avx512vl", 7, 0, kEbx, 31, kAvx512State},
    {"avx512vbmi", 7, 0, kEcx, 1, kAvx512State},
    {"avx512vbmi2", 7, 0, kEcx, 6, kAvx512State},
    {"gfni", 7, 0, kEcx, 8, kNone},
    {"vaes", 7, 0, kEcx, 9, kAvxState},
    {"vpclmulqdq", 7, 0, kEcx, 10, kAvxState},
    {"avx512vnni", 7, 0, kEcx, 11, kAvx512State},
    {"avx512bitalg", 7, 0, kEcx, 12, kAvx512State},
    {"avx512vpopcntdq", 7, 0, kEcx, 14, kAvx512State},
    {"amx-bf16", 7, 0, kEdx, 22, kAmxState},
    {"avx512fp16", 7, 0, kEdx, 23, kAvx512State},
    {"amx-tile", 7, 0, kEdx, 24, kAmxState},
    {"amx-int8", 7, 0, kEdx, 25, kAmxState},
    {"avxvnni", 7, 1, kEax, 4, kAvxState},
    {"avx512bf16", 7, 1, kEax, 5, kAvx512State},
    {"lzcnt", 0x80000001, 0, kEcx, 5, kNone},
    {"sse4a", 0x80000001, 0, kEcx, 6, kNone},
};

static uint32_t kept_state(void) {
    uint32_t r[4] = {0, 0, 0, 0};
    if (!__get_cpuid_count(1, 0, &r[kEax], &r[kEbx], &r[kEcx], &r[kEdx])) return 0;
    if ((r[kEcx] >> 27 & 1) == 0) return 0;  // OSXSAVE: xgetbv may be used
    uint32_t low = 0;
    uint32_t high = 0;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static bool has(const char* name, size_t length, uint32_t state) {
    for (size_t i = 0; i < sizeof features / sizeof *features; ++i) {
        const struct feature* const f = &features[i];
        if (strlen(f->name) != length || memcmp(f->name, name, length) != 0) continue;
        uint32_t r[4] = {0, 0, 0, 0};
        if (!__get_cpuid_count(f->leaf, f->subleaf, &r[kEax], &r[kEbx], &r[kEcx], &r[kEdx])) return false;
        return (r[f->reg] >> f->bit & 1) != 0 && (state & f->state) == f->state;
    }
    return false;
}

static bool has_all(const char* names) {
    const uint32_t state = kept_state();
    while (*names) {
        const size_t length = strcspn(names, ",");
        if (!has(names, length, state)) return false;
        names += length + (names[length] == ',');
    }
    return true;
}

static atomic_bool threads_chosen;

PUBLIC void tilesmith_public_set_num_threads(int threads) {
    atomic_store(&threads_chosen, true);
    tilesmith_rt_set_num_threads(threads);
}

PUBLIC void tilesmith_public_set_parallel_for(tilesmith_rt_parallel_for parallel_for, void* user) {
    tilesmith_rt_set_parallel_for(parallel_for, user);
}

PUBLIC const char* tilesmith_public_error_name(int code) {
    switch (code) {
        case kNullPointer:
            return "null_pointer";
        case kUnsupportedCpu:
            return "unsupported_cpu";
        case kNoKernel:
            return "no_kernel";
        default:
            return tilesmith_rt_error_name(code);
    }
}

// Unless the application has chosen, the pool gets the threads that the kernels were tuned for, as far as there are
// cores.
static void choose_threads(void) {
    if (atomic_exchange(&threads_chosen, true)) return;
    const int cores = tilesmith_rt_get_num_threads();
    tilesmith_rt_set_num_threads(tilesmith_support_threads < cores ? tilesmith_support_threads : cores);
}

// What every public function asks first: 0, or the code for a CPU that lacks a feature. After the first call one load.
HIDDEN int tilesmith_support_ready(void) {
    static atomic_int state;  // 0: not yet known, 1: can run, -1: cannot
    int known = atomic_load_explicit(&state, memory_order_acquire);
    if (known == 0) {
        known = has_all(tilesmith_support_features) ? 1 : -1;
        if (known > 0) choose_threads();
        atomic_store_explicit(&state, known, memory_order_release);
    }
    return known > 0 ? 0 : kUnsupportedCpu;
}

// The workspace of a call by as many threads as the pool has now.
HIDDEN size_t tilesmith_support_workspace_bytes(size_t bytes, size_t bytes_per_thread) {
    if (tilesmith_support_ready() != 0) return 0;
    return TILESMITH_RT_WORKSPACE_OVERHEAD_BYTES + bytes + bytes_per_thread * (size_t)tilesmith_rt_get_num_threads();
}
