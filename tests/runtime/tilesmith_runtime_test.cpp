#include "runtime/tilesmith_runtime.h"

#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <bit>
#include <catch2/catch.hpp>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <set>
#include <string>
#include <thread>
#include <vector>

extern "C" {
using HalideTask = int (*)(void*, int, uint8_t*);
int halide_do_par_for(void* user_context, HalideTask task, int min, int size, uint8_t* closure);
void* halide_malloc(void* user_context, size_t bytes);
void halide_free(void* user_context, void* memory);
int halide_error_host_is_null(void* user_context, const char* name);
int tilesmith_rt_stream_f32x4(float* to, const float* from);
int tilesmith_rt_stream_f32x8(float* to, const float* from);
int tilesmith_rt_stream_f32x16(float* to, const float* from);
int tilesmith_rt_stream_end();
}

namespace {

struct Counts {
    std::vector<std::atomic<int>> visits;
    explicit Counts(size_t size) : visits(size) {}
    [[nodiscard]] bool all_are(int wanted) const {
        for (const auto& visit : visits) {
            if (visit.load() != wanted) return false;
        }
        return true;
    }
};

int visit(void* /*user_context*/, int index, uint8_t* closure) {
    void* const counts = closure;
    ++static_cast<Counts*>(counts)->visits[static_cast<size_t>(index)];
    return 0;
}

uint8_t* closure_of(void* object) { return static_cast<uint8_t*>(object); }

int fail_at_seven(void* /*user_context*/, int index, uint8_t* /*closure*/) { return index == 7 ? -11 : 0; }

int nested(void* user_context, int /*index*/, uint8_t* closure) {
    return halide_do_par_for(user_context, visit, 0, 50, closure);
}

struct ThreadCount {
    explicit ThreadCount(int threads) { tilesmith_rt_set_num_threads(threads); }
    ~ThreadCount() { tilesmith_rt_set_num_threads(0); }
    ThreadCount(const ThreadCount&) = delete;
    ThreadCount& operator=(const ThreadCount&) = delete;
};

}  // namespace

TEST_CASE("memory: a large block that was given back serves the next request of about its size", "[unit]") {
    constexpr size_t kBytes = 1 << 20;
    void* const block = halide_malloc(nullptr, kBytes);
    REQUIRE(block != nullptr);
    CHECK(std::bit_cast<uintptr_t>(block) % 64 == 0);
    halide_free(nullptr, block);
    void* const small = halide_malloc(nullptr, kBytes / 4);
    void* const similar = halide_malloc(nullptr, kBytes - 1000);
    CHECK(similar == block);
    CHECK(small != block);
    halide_free(nullptr, small);
    halide_free(nullptr, similar);
    tilesmith_rt_shutdown();
}

TEST_CASE("memory: what is kept has a limit", "[unit]") {
    const auto mapped = [] { return mallinfo2().hblkhd; };
    tilesmith_rt_shutdown();
    const size_t before = mapped();
    constexpr size_t kBytes = 100 << 20;
    std::vector<void*> blocks(4);
    for (void*& block : blocks) block = halide_malloc(nullptr, kBytes);
    for (void* const block : blocks) halide_free(nullptr, block);
    CHECK(mapped() <= before + 3 * kBytes);
    tilesmith_rt_shutdown();
    CHECK(mapped() == before);
}

TEST_CASE("memory: threads never share a block", "[unit]") {
    std::atomic<int> shared = 0;
    const auto use = [&shared](unsigned char mark) {
        for (size_t i = 0; i < 2000; ++i) {
            const size_t bytes = (32U << 10U) + 4096 * (i % 5);
            auto* const block = static_cast<unsigned char*>(halide_malloc(nullptr, bytes));
            block[0] = block[bytes - 1] = mark;
            std::this_thread::yield();
            if (block[0] != mark || block[bytes - 1] != mark) ++shared;
            halide_free(nullptr, block);
        }
    };
    std::vector<std::thread> threads;
    for (unsigned char mark = 1; mark <= 4; ++mark) threads.emplace_back(use, mark);
    for (std::thread& thread : threads) thread.join();
    CHECK(shared == 0);
    tilesmith_rt_shutdown();
}

TEST_CASE("runtime: a parallel loop runs every index once", "[unit]") {
    for (const int threads : {1, 2, 3, 8}) {
        const ThreadCount set(threads);
        CHECK(tilesmith_rt_get_num_threads() == threads);
        for (const int size : {0, 1, 2, 7, 1000}) {
            Counts counts(1010);
            for (int repeat = 0; repeat < 200; ++repeat) {
                REQUIRE(halide_do_par_for(nullptr, visit, 5, size, closure_of(&counts)) == 0);
            }
            int sum = 0;
            for (int i = 0; i < 1010; ++i) {
                const int wanted = i >= 5 && i < 5 + size ? 200 : 0;
                sum += counts.visits[static_cast<size_t>(i)] == wanted ? 1 : 0;
            }
            CHECK(sum == 1010);
        }
    }
}

TEST_CASE("runtime: threads begin with the same tasks in each loop", "[unit]") {
    const ThreadCount set(2);
    struct Meeting {
        std::atomic<int> arrived{0};
        std::thread::id first;
    };
    // Both tasks wait for each other, so two threads run them.
    const auto meet = [](void*, int index, uint8_t* closure) {
        auto& meeting = *reinterpret_cast<Meeting*>(closure);
        if (index == 0) meeting.first = std::this_thread::get_id();
        ++meeting.arrived;
        while (meeting.arrived < 2) std::this_thread::yield();
        return 0;
    };
    int by_caller = 0;
    constexpr int kLoops = 100;
    for (int repeat = 0; repeat < kLoops; ++repeat) {
        Meeting meeting;
        REQUIRE(halide_do_par_for(nullptr, meet, 0, 2, closure_of(&meeting)) == 0);
        by_caller += meeting.first == std::this_thread::get_id() ? 1 : 0;
        usleep(1000);  // a worker still looking around could be quicker than the caller
    }
    CHECK(by_caller >= kLoops * 9 / 10);
}

TEST_CASE("runtime: an error of one task is the loop's result", "[unit]") {
    const ThreadCount set(4);
    for (int repeat = 0; repeat < 500; ++repeat)
        REQUIRE(halide_do_par_for(nullptr, fail_at_seven, 0, 20, nullptr) == -11);
}

TEST_CASE("runtime: nested loops are complete", "[unit]") {
    const ThreadCount set(3);
    Counts counts(50);
    for (int repeat = 0; repeat < 100; ++repeat) {
        REQUIRE(halide_do_par_for(nullptr, nested, 0, 10, closure_of(&counts)) == 0);
    }
    CHECK(counts.all_are(1000));
}

TEST_CASE("runtime: several application threads may run loops at once while the pool is resized", "[unit]") {
    const ThreadCount set(3);
    std::vector<std::thread> callers;
    std::atomic<int> complete{0};
    for (int caller = 0; caller < 3; ++caller) {
        callers.emplace_back([&complete] {
            Counts counts(64);
            for (int repeat = 0; repeat < 1000; ++repeat) {
                halide_do_par_for(nullptr, visit, 0, 64, closure_of(&counts));
            }
            if (counts.all_are(1000)) ++complete;
        });
    }
    for (int i = 0; i < 20; ++i) {
        tilesmith_rt_set_num_threads(2 + i % 3);
        usleep(500);
    }
    for (std::thread& caller : callers) caller.join();
    CHECK(complete == 3);
}

TEST_CASE("runtime: the pool starts again after a shutdown, with the CPUs it was given", "[unit]") {
    const ThreadCount set(2);
    const int cpu = 0;
    tilesmith_rt_set_affinity(&cpu, 1);
    for (int repeat = 0; repeat < 20; ++repeat) {
        Counts counts(9);
        REQUIRE(halide_do_par_for(nullptr, visit, 0, 9, closure_of(&counts)) == 0);
        CHECK(counts.all_are(1));
        tilesmith_rt_shutdown();
    }
    tilesmith_rt_set_affinity(nullptr, 0);
}

TEST_CASE("runtime: the application's own parallel_for gets every task and its code is the result", "[unit]") {
    struct Serial {
        static int run(void* user, tilesmith_rt_task task, void* closure, int count) {
            *static_cast<int*>(user) += count;
            for (int i = count - 1; i >= 0; --i) {
                if (const int code = task(closure, i)) return code;
            }
            return 0;
        }
    };
    int tasks = 0;
    tilesmith_rt_set_parallel_for(Serial::run, &tasks);
    Counts counts(20);
    CHECK(halide_do_par_for(nullptr, visit, 3, 10, closure_of(&counts)) == 0);
    CHECK(halide_do_par_for(nullptr, fail_at_seven, 0, 9, nullptr) == -11);
    tilesmith_rt_set_parallel_for(nullptr, nullptr);
    CHECK(tasks == 19);
    CHECK(counts.visits[2] == 0);
    CHECK(counts.visits[3] == 1);
    CHECK(counts.visits[12] == 1);
    CHECK(counts.visits[13] == 0);
}

// [fork]: not under the address sanitizer, whose allocator's locks a child may inherit taken (its threads then wait for
// ever in the sanitizer's own code).
TEST_CASE("runtime: a forked child can run loops and exit", "[unit][fork]") {
    const ThreadCount set(2);
    Counts counts(30);
    REQUIRE(halide_do_par_for(nullptr, visit, 0, 30, closure_of(&counts)) == 0);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        const bool ok = halide_do_par_for(nullptr, visit, 0, 30, closure_of(&counts)) == 0 && counts.all_are(2);
        tilesmith_rt_shutdown();
        _exit(ok ? 0 : 1);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    CHECK(counts.all_are(1));
}

TEST_CASE("runtime: heap memory is aligned to 64 bytes and absurd sizes are refused", "[unit]") {
    for (const size_t bytes : {size_t{0}, size_t{1}, size_t{64}, size_t{100000}, size_t{5000000}}) {
        void* const memory = halide_malloc(nullptr, bytes);
        REQUIRE(memory != nullptr);
        CHECK(std::bit_cast<uintptr_t>(memory) % 64 == 0);
        std::memset(memory, 1, bytes);
        halide_free(nullptr, memory);
    }
    CHECK(halide_malloc(nullptr, SIZE_MAX) == nullptr);
    halide_free(nullptr, nullptr);
}

TEST_CASE("runtime: a workspace hands out disjoint aligned blocks, reuses freed ones and refuses more", "[unit]") {
    constexpr size_t kSizes[] = {1000, 4096, 1000};
    std::vector<char> memory(6096 + 3 * TILESMITH_RT_BLOCK_OVERHEAD_BYTES + TILESMITH_RT_WORKSPACE_OVERHEAD_BYTES);
    for (size_t shift = 0; shift < 3; ++shift) {
        void* const space = tilesmith_rt_workspace(memory.data() + shift, memory.size() - shift);
        REQUIRE(space != nullptr);
        std::set<void*> seen;
        for (int repeat = 0; repeat < 10; ++repeat) {
            void* blocks[3];
            for (size_t i = 0; i < 3; ++i) {
                blocks[i] = halide_malloc(space, kSizes[i]);
                REQUIRE(blocks[i] != nullptr);
                CHECK(std::bit_cast<uintptr_t>(blocks[i]) % 64 == 0);
                std::memset(blocks[i], static_cast<int>(i), kSizes[i]);
                seen.insert(blocks[i]);
            }
            for (size_t i = 0; i < 3; ++i) {
                const auto* const bytes = static_cast<const char*>(blocks[i]);
                CHECK(std::accumulate(bytes, bytes + kSizes[i], size_t{0}) == i * kSizes[i]);
                halide_free(space, blocks[i]);
            }
        }
        CHECK(seen.size() == 3);
        CHECK(halide_malloc(space, 4000) == nullptr);
        halide_free(space, nullptr);
    }
    CHECK(tilesmith_rt_workspace(memory.data(), 10) == nullptr);
    CHECK(tilesmith_rt_workspace(nullptr, 1000) == nullptr);
}

TEST_CASE("runtime: threads share a workspace", "[unit]") {
    const ThreadCount set(4);
    std::vector<char> memory(4 * (512 + TILESMITH_RT_BLOCK_OVERHEAD_BYTES) + TILESMITH_RT_WORKSPACE_OVERHEAD_BYTES);
    void* const space = tilesmith_rt_workspace(memory.data(), memory.size());
    const auto task = [](void* context, int index, uint8_t* /*closure*/) {
        void* const block = halide_malloc(context, 512);
        if (!block) return -11;
        std::memset(block, index, 512);
        const auto* const bytes = static_cast<const unsigned char*>(block);
        const bool ours = std::accumulate(bytes, bytes + 512, 0) == (index & 255) * 512;
        halide_free(context, block);
        return ours ? 0 : -1;
    };
    CHECK(halide_do_par_for(space, task, 0, 5000, nullptr) == 0);
}

TEST_CASE("runtime: error codes have names", "[unit]") {
    CHECK(std::string(tilesmith_rt_error_name(0)) == "ok");
    CHECK(std::string(tilesmith_rt_error_name(-11)) == "out_of_memory");
    CHECK(std::string(tilesmith_rt_error_name(halide_error_host_is_null(nullptr, "x"))) == "host_is_null");
    CHECK(std::string(tilesmith_rt_error_name(-48)) == "cannot_profile_pipeline");
    CHECK(std::string(tilesmith_rt_error_name(-49)) == "unknown_error");
    CHECK(std::string(tilesmith_rt_error_name(5)) == "unknown_error");
}

TEST_CASE("runtime: a store past the caches writes its vector and nothing else, wherever it begins", "[unit]") {
    struct Width {
        size_t lanes;
        bool runs_here;
        int (*store)(float*, const float*);
    };
    const Width widths[] = {{4, true, tilesmith_rt_stream_f32x4},
                            {8, __builtin_cpu_supports("avx") != 0, tilesmith_rt_stream_f32x8},
                            {16, __builtin_cpu_supports("avx512f") != 0, tilesmith_rt_stream_f32x16}};
    std::vector<float> from(17);
    std::iota(from.begin(), from.end(), 1.0F);
    for (const Width& width : widths) {
        if (!width.runs_here) continue;
        for (size_t offset = 0; offset <= 16; ++offset) {
            std::vector<float> to(48, -1.0F);
            std::vector<float> wanted = to;
            std::copy_n(from.begin() + 1, width.lanes, wanted.begin() + static_cast<ptrdiff_t>(offset));
            CHECK(width.store(to.data() + offset, from.data() + 1) == 0);
            CHECK(tilesmith_rt_stream_end() == 0);
            CHECK(to == wanted);
        }
    }
}
