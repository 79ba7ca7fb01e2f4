// Memory and threads of kernels (see the header): an allocator that can live in a caller's workspace, and one thread
// pool.
#define _GNU_SOURCE
#include "tilesmith_runtime.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void pause_briefly(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void spin_lock(atomic_flag* lock) {
    for (int tries = 0; atomic_flag_test_and_set_explicit(lock, memory_order_acquire); ++tries) {
        if (tries < 1000) {
            pause_briefly();
        } else {
            sched_yield();  // the holder lost its core
        }
    }
}

static void spin_unlock(atomic_flag* lock) { atomic_flag_clear_explicit(lock, memory_order_release); }

// ----------------------------------------------------------------------------------------------------------------
// stores past the caches

// Kernels call these in place of storing a vector: from their stack to any address of a float, one function a width.
// Non-temporal stores want aligned addresses. A vector that begins 16 bytes off a line, as in what malloc returns for
// large blocks, is written in quarters; one that is not even aligned to 16 bytes is stored as usual. Halide can neither
// ask LLVM for such stores nor link code that has them, and vectors cannot be arguments of what it calls; the way over
// the stack costs little beside the line that is written.

#if defined(__x86_64__)

static inline bool aligned(const float* address, uintptr_t bytes) { return (uintptr_t)address % bytes == 0; }

int tilesmith_rt_stream_f32x4(float* to, const float* from) {
    const __m128 value = _mm_loadu_ps(from);
    if (aligned(to, 16)) {
        _mm_stream_ps(to, value);
    } else {
        _mm_storeu_ps(to, value);
    }
    return 0;
}

__attribute__((target("avx"))) int tilesmith_rt_stream_f32x8(float* to, const float* from) {
    const __m256 value = _mm256_loadu_ps(from);
    if (aligned(to, 32)) {
        _mm256_stream_ps(to, value);
    } else if (aligned(to, 16)) {
        _mm_stream_ps(to, _mm256_castps256_ps128(value));
        _mm_stream_ps(to + 4, _mm256_extractf128_ps(value, 1));
    } else {
        _mm256_storeu_ps(to, value);
    }
    return 0;
}

__attribute__((target("avx512f"))) int tilesmith_rt_stream_f32x16(float* to, const float* from) {
    const __m512 value = _mm512_loadu_ps(from);
    if (aligned(to, 64)) {
        _mm512_stream_ps(to, value);
    } else if (aligned(to, 16)) {
        _mm_stream_ps(to, _mm512_castps512_ps128(value));
        _mm_stream_ps(to + 4, _mm512_extractf32x4_ps(value, 1));
        _mm_stream_ps(to + 8, _mm512_extractf32x4_ps(value, 2));
        _mm_stream_ps(to + 12, _mm512_extractf32x4_ps(value, 3));
    } else {
        _mm512_storeu_ps(to, value);
    }
    return 0;
}

// Before anything that the thread does next, others see what it stored.
int tilesmith_rt_stream_end(void) {
    _mm_sfence();
    return 0;
}

#else  // stores as usual, which need no fence of their own

int tilesmith_rt_stream_f32x4(float* to, const float* from) { return memcpy(to, from, 4 * sizeof(float)), 0; }
int tilesmith_rt_stream_f32x8(float* to, const float* from) { return memcpy(to, from, 8 * sizeof(float)), 0; }
int tilesmith_rt_stream_f32x16(float* to, const float* from) { return memcpy(to, from, 16 * sizeof(float)), 0; }
int tilesmith_rt_stream_end(void) { return 0; }

#endif

// ----------------------------------------------------------------------------------------------------------------
// memory

enum {
    kAlignment = 64,
    kReadableBytes = 8
};  // what halide_malloc promises: kernels may read 8 bytes past a block's end

// Lies kAlignment bytes before the memory handed out.
struct block {
    struct block* next;
    size_t bytes;
};

struct workspace {
    atomic_flag lock;
    struct block* freed;  // few: a kernel has a handful of allocations
    char* unused;
    char* end;
};

static size_t round_up(size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

void* tilesmith_rt_workspace(void* memory, size_t bytes) {
    if (!memory || bytes < TILESMITH_RT_WORKSPACE_OVERHEAD_BYTES) return NULL;
    char* const start = memory;
    char* const aligned = start + (kAlignment - (uintptr_t)memory % kAlignment) % kAlignment;
    struct workspace* const space = (struct workspace*)(void*)aligned;
    atomic_flag_clear(&space->lock);
    space->freed = NULL;
    space->unused = aligned + round_up(sizeof(struct workspace));
    space->end = start + bytes;
    return space;
}

static void* take_block(struct workspace* space, size_t bytes) {
    for (struct block** link = &space->freed; *link; link = &(*link)->next) {
        struct block* const block = *link;
        if (block->bytes != bytes) continue;
        *link = block->next;
        return (char*)block + kAlignment;
    }
    if ((size_t)(space->end - space->unused) < kAlignment + bytes) return NULL;
    struct block* const block = (struct block*)(void*)space->unused;
    block->bytes = bytes;
    space->unused += kAlignment + bytes;
    return (char*)block + kAlignment;
}

// Large blocks of the heap that kernels gave back, the latest first, for later calls. The C library may return them to
// the system and get them again with each call, and a page that is touched for the first time costs more than computing
// on it.
static struct {
    atomic_flag lock;
    struct block* first;
} kept = {.lock = ATOMIC_FLAG_INIT};

enum { kLeastKeptBytes = 32 << 10, kMostKeptBytes = 256 << 20, kMostKept = 32 };

// After a fork the holder may be gone: whoever does not get the lock soon does without.
static bool lock_kept(void) {
    for (int tries = 0; tries < 1000; ++tries) {
        if (!atomic_flag_test_and_set_explicit(&kept.lock, memory_order_acquire)) return true;
        pause_briefly();
    }
    return false;
}

// The smallest that fits and is not half empty.
static struct block* take_kept(size_t bytes) {
    if (bytes < kLeastKeptBytes || !lock_kept()) return NULL;
    struct block** best = NULL;
    for (struct block** link = &kept.first; *link; link = &(*link)->next) {
        const size_t size = (*link)->bytes;
        if (size >= bytes && size / 2 <= bytes && (!best || size < (*best)->bytes)) best = link;
    }
    struct block* const block = best ? *best : NULL;
    if (block) *best = block->next;
    spin_unlock(&kept.lock);
    return block;
}

// Gives all that is kept beyond `most_bytes` back to the C library, the oldest first.
static void trim_kept(size_t most_bytes) {
    if (!lock_kept()) return;
    struct block** link = &kept.first;
    size_t bytes = 0;
    for (int count = 0; *link && count < kMostKept && bytes + (*link)->bytes <= most_bytes; ++count) {
        bytes += (*link)->bytes;
        link = &(*link)->next;
    }
    struct block* block = *link;
    *link = NULL;
    spin_unlock(&kept.lock);
    while (block) {
        struct block* const next = block->next;
        free(block);
        block = next;
    }
}

static void* heap_block(size_t bytes) {
    struct block* block = take_kept(bytes);
    for (int tries = 0; !block && tries < 2; ++tries) {
        void* memory = NULL;
        if (posix_memalign(&memory, kAlignment, kAlignment + bytes) == 0) {
            block = memory;
            block->bytes = bytes;
        } else {
            trim_kept(0);
        }
    }
    return block ? (char*)block + kAlignment : NULL;
}

static void give_back(struct block* block) {
    if (block->bytes < kLeastKeptBytes || !lock_kept()) {
        free(block);
        return;
    }
    block->next = kept.first;
    kept.first = block;
    spin_unlock(&kept.lock);
    trim_kept(kMostKeptBytes);
}

void* halide_malloc(void* user_context, size_t bytes) {
    if (bytes > SIZE_MAX / 2) return NULL;
    const size_t padded = round_up(bytes + kReadableBytes);
    if (!user_context) return heap_block(padded);
    struct workspace* const space = user_context;
    spin_lock(&space->lock);
    void* const memory = take_block(space, padded);
    spin_unlock(&space->lock);
    return memory;
}

void halide_free(void* user_context, void* memory) {
    if (!memory) return;
    struct block* const block = (struct block*)(void*)((char*)memory - kAlignment);
    if (!user_context) {
        give_back(block);
        return;
    }
    struct workspace* const space = user_context;
    spin_lock(&space->lock);
    block->next = space->freed;
    space->freed = block;
    spin_unlock(&space->lock);
}

// ---------------------------------------------------------------------------------------------------------------
// threads

typedef int (*halide_task_t)(void* user_context, int index, uint8_t* closure);

enum { kMaxThreads = 1024, kSpinNs = 30000, kStackBytes = 8 << 20 };
// Before a thread helps with others' tasks: one that only began late still gets its own done, and finds in its caches
// what it left there. Without, a loop of 3 us takes 6 whenever tasks have begun to wander.
enum { kPatienceNs = 500 };

// What the application asked for.
static struct {
    atomic_flag lock;
    int threads;  // below 1: the default
    int cpus[kMaxThreads];
    int cpu_count;
    tilesmith_rt_parallel_for parallel_for;
    void* user;
    atomic_uint version;  // of threads and cpus: a change rebuilds the pool
} wish = {.lock = ATOMIC_FLAG_INIT};

// A loop's tasks are cut, in order, into as many shares as there are threads. Each thread begins with its own, so that
// from one call to the next it finds in its caches what it left there; then, a little later, it helps with the others'.
static struct {
    _Alignas(64) atomic_ullong ticket;  // loop number << 32 | tasks not yet claimed
} shares[kMaxThreads];

// One loop at a time: its caller holds `busy`. A thread claims a task by taking one from a share's ticket, whose upper
// half is the number of the loop. The loop's fields below change only when all its tasks are done, so whoever has
// claimed one and not yet counted it in `done` may read them; a thread that comes late finds nothing left and touches
// nothing.
static struct {
    _Alignas(64) atomic_int done;
    atomic_int result;
    halide_task_t task;
    void* user_context;
    uint8_t* closure;
    int min;
    int size;
    _Alignas(64) atomic_flag busy;
    unsigned loop;

    pthread_mutex_t lock;     // for sleeping only
    pthread_cond_t work;      // a loop has begun, or `stop`
    pthread_cond_t complete;  // `done` reached `size`
    atomic_int sleepers;
    atomic_bool caller_sleeps;
    atomic_bool stop;

    // Guarded by `busy`.
    pthread_t workers[kMaxThreads];
    int worker_count;
    int share_count;  // of a loop: the caller's and the workers'. While there are workers it does not change,
    int64_t spin_ns;  // nor does this.
    unsigned built_version;
    bool built;
    bool fork_handled;
} pool = {.busy = ATOMIC_FLAG_INIT,
          .lock = PTHREAD_MUTEX_INITIALIZER,
          .work = PTHREAD_COND_INITIALIZER,
          .complete = PTHREAD_COND_INITIALIZER};

static int64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static bool work_left(void) {
    for (int share = 0; share < pool.share_count; ++share)
        if ((uint32_t)atomic_load(&shares[share].ticket) != 0) return true;
    return false;
}

// Of a loop of `size` tasks: the first task of a share, and the end of the one before it. Rounded up, so that the
// caller has one where there are few.
static int share_begin(int size, int share) {
    return (int)(((int64_t)size * share + pool.share_count - 1) / pool.share_count);
}

// Claims a task of a share: its place in the loop, or -1 where none is left.
static int claim(int share) {
    unsigned long long ticket = atomic_load(&shares[share].ticket);
    do {
        if ((uint32_t)ticket == 0) return -1;
    } while (!atomic_compare_exchange_weak(&shares[share].ticket, &ticket, ticket - 1));
    return share_begin(pool.size, share + 1) - (int)(uint32_t)ticket;
}

static void run_claimed(int place) {
    const int size = pool.size;
    if (atomic_load(&pool.result) == 0) {
        const int code = pool.task(pool.user_context, pool.min + place, pool.closure);
        int none = 0;
        if (code != 0) atomic_compare_exchange_strong(&pool.result, &none, code);
    }
    if (atomic_fetch_add(&pool.done, 1) + 1 == size && atomic_load(&pool.caller_sleeps)) {
        pthread_mutex_lock(&pool.lock);
        pthread_cond_signal(&pool.complete);
        pthread_mutex_unlock(&pool.lock);
    }
}

// Whether `condition` came true within the spinning time.
static bool spin_until(bool (*condition)(void), int64_t spin_ns) {
    if (condition()) return true;
    for (const int64_t end = now_ns() + spin_ns; now_ns() < end;) {
        for (int i = 0; i < 16; ++i) {
            if (condition()) return true;
            pause_briefly();
        }
    }
    return false;
}

static bool nothing_left(void) { return !work_left(); }

static void run_tasks(int own_share) {
    for (int i = 0; i < pool.share_count; ++i) {
        const int share = (own_share + i) % pool.share_count;
        if (i == 1) spin_until(nothing_left, kPatienceNs);
        for (int place = claim(share); place >= 0; place = claim(share)) run_claimed(place);
    }
}

static bool all_done(void) { return atomic_load(&pool.done) == pool.size; }
static bool work_or_stop(void) { return work_left() || atomic_load(&pool.stop); }

static void* worker_main(void* own_share) {
    while (!atomic_load(&pool.stop)) {
        if (!spin_until(work_or_stop, pool.spin_ns)) {
            pthread_mutex_lock(&pool.lock);
            atomic_fetch_add(&pool.sleepers, 1);  // before the last look at the tickets: see begin_loop()
            while (!work_or_stop()) pthread_cond_wait(&pool.work, &pool.lock);
            atomic_fetch_sub(&pool.sleepers, 1);
            pthread_mutex_unlock(&pool.lock);
        }
        run_tasks((int)(intptr_t)own_share);
    }
    return NULL;
}

// The number of the first CPU that shares a core with `cpu`; `cpu` itself where the system does not tell.
static int core_of(int cpu) {
    char path[96];
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
    FILE* const file = fopen(path, "re");
    if (!file) return cpu;
    char line[32] = "";
    const bool read = fgets(line, sizeof line, file) != NULL;
    fclose(file);
    char* end = line;
    const long first = strtol(line, &end, 10);
    return read && end != line ? (int)first : cpu;
}

// The affinity mask of the process: that of the thread which loads this code, before anybody pins threads. Empty:
// unknown.
static cpu_set_t process_mask;

__attribute__((constructor)) static void remember_mask(void) {
    if (sched_getaffinity(0, sizeof process_mask, &process_mask) != 0) CPU_ZERO(&process_mask);
}

// One logical CPU for each physical core of that mask, starting with the calling thread's core. 0: unknown.
static int cores_of_mask(int* cpus) {
    cpu_set_t seen;
    CPU_ZERO(&seen);
    int count = 0;
    const int here = sched_getcpu();
    for (int i = -1; i < CPU_SETSIZE && count < kMaxThreads; ++i) {
        const int cpu = i < 0 ? here : i;
        if (cpu < 0 || cpu >= CPU_SETSIZE || !CPU_ISSET(cpu, &process_mask)) continue;
        const int core = core_of(cpu);
        if (core < 0 || core >= CPU_SETSIZE || CPU_ISSET(core, &seen)) continue;
        CPU_SET(core, &seen);
        cpus[count++] = cpu;
    }
    return count;
}

static atomic_int default_threads;  // 0: not yet known

static int get_default_threads(void) {
    int threads = atomic_load(&default_threads);
    if (threads == 0) {
        int cpus[kMaxThreads];
        threads = cores_of_mask(cpus);
        if (threads == 0) threads = (int)sysconf(_SC_NPROCESSORS_ONLN);
        if (threads < 1) threads = 1;
        if (threads > kMaxThreads) threads = kMaxThreads;
        atomic_store(&default_threads, threads);
    }
    return threads;
}

static void stop_workers(void) {
    atomic_store(&pool.stop, true);
    pthread_mutex_lock(&pool.lock);
    pthread_cond_broadcast(&pool.work);
    pthread_mutex_unlock(&pool.lock);
    for (int i = 0; i < pool.worker_count; ++i) pthread_join(pool.workers[i], NULL);
    pool.worker_count = 0;
    pool.built = false;
    atomic_store(&pool.stop, false);
}

static void start_worker(int own_share, int cpu) {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, kStackBytes);
    if (cpu >= 0 && cpu < CPU_SETSIZE) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(cpu, &set);
        pthread_attr_setaffinity_np(&attributes, sizeof set, &set);
    }
    if (pthread_create(&pool.workers[pool.worker_count], &attributes, worker_main, (void*)(intptr_t)own_share) == 0) {
        ++pool.worker_count;
    }
    pthread_attr_destroy(&attributes);
}

// A child made by fork() has none of the threads; it starts its own if it wants any.
static void forget_workers(void) {
    pthread_mutex_init(&pool.lock, NULL);
    pthread_cond_init(&pool.work, NULL);
    pthread_cond_init(&pool.complete, NULL);
    for (int i = 0; i < kMaxThreads; ++i) atomic_store(&shares[i].ticket, 0);
    atomic_store(&pool.sleepers, 0);
    pool.worker_count = 0;
    pool.built = false;
    atomic_flag_clear(&wish.lock);
    atomic_flag_clear(&pool.busy);
}

// Makes the pool what was last asked for. The application's signals stay with its own threads.
static void build_pool(void) {
    static int cpus[kMaxThreads];
    stop_workers();
    if (!pool.fork_handled) pool.fork_handled = pthread_atfork(NULL, NULL, forget_workers) == 0;
    const int cores = cores_of_mask(cpus);
    spin_lock(&wish.lock);
    pool.built_version = atomic_load(&wish.version);
    const int threads = wish.threads;
    int cpu_count = threads == cores ? cores : 0;
    if (wish.cpu_count > 0) {
        cpu_count = wish.cpu_count;
        for (int i = 0; i < cpu_count; ++i) cpus[i] = wish.cpus[i];
    }
    spin_unlock(&wish.lock);
    pool.spin_ns = threads <= get_default_threads() ? kSpinNs : 0;
    pool.share_count = threads;
    sigset_t blocked;
    sigset_t before;
    sigfillset(&blocked);
    const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; ++i) sigdelset(&blocked, faults[i]);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    for (int i = 1; i < threads; ++i) start_worker(i, cpu_count > 0 ? cpus[i % cpu_count] : -1);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pool.built = true;
}

static void begin_loop(int size) {
    atomic_store(&pool.done, 0);
    atomic_store(&pool.result, 0);
    pool.size = size;
    const unsigned long long number = (unsigned long long)++pool.loop << 32;
    for (int share = 0; share < pool.share_count; ++share) {
        const int tasks = share_begin(size, share + 1) - share_begin(size, share);
        if (tasks > 0) atomic_store(&shares[share].ticket, number | (unsigned)tasks);
    }
    // A worker counts itself as a sleeper and then looks at the tickets; here it is the other way round: one sees the
    // other.
    const int sleepers = atomic_load(&pool.sleepers);
    if (sleepers == 0) return;
    pthread_mutex_lock(&pool.lock);
    if (sleepers < size) {
        pthread_cond_broadcast(&pool.work);
    } else {
        for (int i = 1; i < size; ++i) pthread_cond_signal(&pool.work);
    }
    pthread_mutex_unlock(&pool.lock);
}

static void await_others(void) {
    if (spin_until(all_done, pool.spin_ns)) return;
    pthread_mutex_lock(&pool.lock);
    atomic_store(&pool.caller_sleeps, true);
    while (!all_done()) pthread_cond_wait(&pool.complete, &pool.lock);
    atomic_store(&pool.caller_sleeps, false);
    pthread_mutex_unlock(&pool.lock);
}

static int run_serially(void* user_context, halide_task_t task, int min, int size, uint8_t* closure) {
    for (int i = 0; i < size; ++i) {
        const int code = task(user_context, min + i, closure);
        if (code != 0) return code;
    }
    return 0;
}

// A loop as the application's own parallel_for sees it.
struct foreign_loop {
    halide_task_t task;
    void* user_context;
    uint8_t* closure;
    int min;
};

static int foreign_task(void* closure, int index) {
    const struct foreign_loop* const loop = closure;
    return loop->task(loop->user_context, loop->min + index, loop->closure);
}

int halide_do_par_for(void* user_context, halide_task_t task, int min, int size, uint8_t* closure) {
    spin_lock(&wish.lock);
    if (wish.threads < 1) wish.threads = get_default_threads();
    const int threads = wish.threads;
    const tilesmith_rt_parallel_for parallel_for = wish.parallel_for;
    void* const user = wish.user;
    spin_unlock(&wish.lock);
    if (parallel_for && size > 0) {
        struct foreign_loop loop = {task, user_context, closure, min};
        return parallel_for(user, foreign_task, &loop, size);
    }
    if (size <= 1 || threads == 1 || atomic_flag_test_and_set(&pool.busy)) {
        return run_serially(user_context, task, min, size, closure);
    }
    if (!pool.built || pool.built_version != atomic_load(&wish.version)) build_pool();
    pool.task = task;
    pool.user_context = user_context;
    pool.closure = closure;
    pool.min = min;
    begin_loop(size);
    run_tasks(0);
    await_others();
    const int result = atomic_load(&pool.result);
    atomic_flag_clear(&pool.busy);
    return result;
}

int halide_do_task(void* user_context, halide_task_t task, int index, uint8_t* closure) {
    return task(user_context, index, closure);
}

void tilesmith_rt_set_num_threads(int threads) {
    if (threads < 1) threads = get_default_threads();
    if (threads > kMaxThreads) threads = kMaxThreads;
    spin_lock(&wish.lock);
    if (wish.threads != threads) atomic_fetch_add(&wish.version, 1);
    wish.threads = threads;
    spin_unlock(&wish.lock);
}

int tilesmith_rt_get_num_threads(void) {
    spin_lock(&wish.lock);
    const int threads = wish.threads;
    spin_unlock(&wish.lock);
    return threads < 1 ? get_default_threads() : threads;
}

void tilesmith_rt_set_affinity(const int* cpus, int count) {
    if (count > kMaxThreads) count = kMaxThreads;
    if (count < 0) count = 0;
    spin_lock(&wish.lock);
    for (int i = 0; i < count; ++i) wish.cpus[i] = cpus[i];
    wish.cpu_count = count;
    atomic_fetch_add(&wish.version, 1);
    spin_unlock(&wish.lock);
}

void tilesmith_rt_set_parallel_for(tilesmith_rt_parallel_for parallel_for, void* user) {
    spin_lock(&wish.lock);
    wish.parallel_for = parallel_for;
    wish.user = user;
    spin_unlock(&wish.lock);
}

// A loop still running after a second belongs to a program that exits in the middle of one: its threads end with it.
__attribute__((destructor)) void tilesmith_rt_shutdown(void) {
    trim_kept(0);
    for (int tries = 0; atomic_flag_test_and_set(&pool.busy); ++tries) {
        if (tries == 1000) return;
        const struct timespec millisecond = {0, 1000000};
        nanosleep(&millisecond, NULL);
    }
    stop_workers();
    atomic_flag_clear(&pool.busy);
}
