// The run time that kernels are linked against, in place of Halide's: memory, parallel loops and error codes, in C11
// with libc and pthreads alone (two files: tilesmith_runtime.c and tilesmith_errors.c). It is linked into the program
// (for kernels loaded while tuning) and packed into every exported library, there with all its names changed to the
// library's own. It never prints and never aborts: whatever goes wrong becomes a negative code that the kernel returns.
//
// Besides what is declared here it defines the halide_* functions that kernels compiled with Halide's target features
// `no_runtime` and `user_context` call: halide_malloc, halide_free, halide_do_par_for, halide_do_task, halide_error and
// halide_error_*; and the stores past the caches that our own pass puts into kernels: tilesmith_rt_stream_*.
#ifndef TILESMITH_RUNTIME_H
#define TILESMITH_RUNTIME_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

// --- Threads. One pool, started by the first parallel loop that wants it. The calling thread takes part. A loop that
// begins while another one runs (nested, or from another application thread) runs serially in its caller. ---

// How many threads a parallel loop uses, its caller included; below 1: the default, one for each physical core of the
// affinity mask. Takes effect at the next parallel loop. Safe at any time, from any thread.
void tilesmith_rt_set_num_threads(int threads);
int tilesmith_rt_get_num_threads(void);

// Logical CPUs for the pool: thread i runs on cpus[i % count]. Thread 0 is the caller of the kernel, which is never
// pinned here: it pins itself if it wants to. With count 0 the default is restored: threads are pinned one to a
// physical core when the pool has one for every core of the affinity mask (skipping the core that starts the pool), and
// not pinned otherwise, so that several processes with small pools do not meet on the same cores. Takes effect at the
// next parallel loop.
void tilesmith_rt_set_affinity(const int* cpus, int count);

// One iteration of a parallel loop: 0, or an error code.
typedef int (*tilesmith_rt_task)(void* closure, int index);
// Calls task(closure, i) once for every i in [0, count), in any order, possibly at the same time, and returns when all
// have ended: 0, or one of the codes that were not 0.
typedef int (*tilesmith_rt_parallel_for)(void* user, tilesmith_rt_task task, void* closure, int count);

// Replaces the pool by the application's own; NULL brings the pool back. `user` is handed to every call. Safe at any
// time; loops that have begun end as they began.
void tilesmith_rt_set_parallel_for(tilesmith_rt_parallel_for parallel_for, void* user);

// Gives kept memory back, ends and joins the pool's threads; the next kernel takes what it needs again. Runs by itself
// at exit and when a shared library that holds this code is unloaded.
void tilesmith_rt_shutdown(void);

// --- Memory. The `user_context` of a kernel is null (memory comes from the heap) or a workspace made here. Of the
// heap, blocks of 32 KB and more are kept for later calls: the latest 32, of 256 MB together at most. ---

enum {
    // What one allocation takes from a workspace beside its own size, at most, and a workspace beside its allocations.
    TILESMITH_RT_BLOCK_OVERHEAD_BYTES = 192,
    TILESMITH_RT_WORKSPACE_OVERHEAD_BYTES = 192
};

// Makes a workspace out of `bytes` at `memory` (any alignment) and returns it for use as `user_context`; NULL if it is
// too small to hold anything. One kernel call at a time may use it. Blocks that the kernel frees are reused by later
// requests of the same size, so that a call needs the sum over its allocations of (size + overhead), times the threads
// that make them. A workspace that is too small makes the kernel return the out-of-memory code. Nothing needs to be
// released.
void* tilesmith_rt_workspace(void* memory, size_t bytes);

// --- Errors. ---

// A short name for a code that a kernel returned: "ok", "out_of_memory", "host_is_null", ... "unknown_error" for
// others.
const char* tilesmith_rt_error_name(int code);

#ifdef __cplusplus
}
#endif

#endif
