// Kernels for "matmul m=5 n=7 k=3" as a candidate might turn out: a good one, and one for each way to go wrong.
// Compiled like a schedule's object: int run(void* workspace, const void* a, const void* b, void* c).
#include <stddef.h>

enum { kM = 5, kN = 7, kK = 3 };

void* halide_malloc(void* user_context, size_t bytes);

int good(void* workspace, const float* a, const float* b, float* c) {
    (void)workspace;
    for (int i = 0; i < kM; ++i) {
        for (int j = 0; j < kN; ++j) {
            float sum = 0;
            for (int k = 0; k < kK; ++k) sum += a[i * kK + k] * b[k * kN + j];
            c[i * kN + j] = sum;
        }
    }
    return 0;
}

int crashes(void* workspace, const float* a, const float* b, float* c) {
    volatile int* const nowhere = NULL;
    *nowhere = 1;
    return good(workspace, a, b, c);
}

int never_ends(void* workspace, const float* a, const float* b, float* c) {
    for (volatile int forever = 1; forever;) {
    }
    return good(workspace, a, b, c);
}

// Right when it is checked; then it dies of a signal that the worker does not report.
int dies_when_timed(void* workspace, const float* a, const float* b, float* c) {
    enum { kChecks = 3 };
    static int calls = 0;
    if (++calls > kChecks) __asm__ volatile("int3");
    return good(workspace, a, b, c);
}

int takes_all_memory(void* workspace, const float* a, const float* b, float* c) {
    (void)a, (void)b, (void)c;
    while (halide_malloc(workspace, (size_t)64 << 20)) {
    }
    return -11;
}

int takes_all_memory_unasserted(void* workspace, const float* a, const float* b, float* c) {
    for (;;) {
        volatile float* const block = halide_malloc(workspace, (size_t)4 << 20);
        block[0] = c[0];
        if (block[0] > 1) return good(workspace, a, b, c);
    }
}

int reads_behind(void* workspace, const float* a, const float* b, float* c) {
    volatile float last = a[kM * kK];
    (void)last;
    return good(workspace, a, b, c);
}

int reads_before(void* workspace, const float* a, const float* b, float* c) {
    volatile float first = b[-1];
    (void)first;
    return good(workspace, a, b, c);
}

int writes_before(void* workspace, const float* a, const float* b, float* c) {
    c[-1] = 0;
    return good(workspace, a, b, c);
}

int wrong_in_one(void* workspace, const float* a, const float* b, float* c) {
    const int code = good(workspace, a, b, c);
    c[kM * kN - 1] += 1;
    return code;
}

int leaves_one(void* workspace, const float* a, const float* b, float* c) {
    const float before = c[8];
    const int code = good(workspace, a, b, c);
    c[8] = before;
    return code;
}

int writes_input(void* workspace, const float* a, const float* b, float* c) {
    ((float*)b)[2] = 1;
    return good(workspace, a, b, c);
}

int returns_error(void* workspace, const float* a, const float* b, float* c) {
    (void)workspace, (void)a, (void)b, (void)c;
    return -4;
}

// For the same problem with epilogue=add, and `added` says that it may be the output.
int adds(void* workspace, const float* a, const float* b, const float* added, float* c) {
    float sums[kM * kN];
    good(workspace, a, b, sums);
    for (int i = 0; i < kM * kN; ++i) c[i] = added[i] + sums[i];
    return 0;
}

int adds_too_late(void* workspace, const float* a, const float* b, const float* added, float* c) {
    good(workspace, a, b, c);
    for (int i = 0; i < kM * kN; ++i) c[i] += added[i];
    return 0;
}
