#include "codegen/calibrate.h"

#include <algorithm>
#include <array>
#include <barrier>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <numeric>
#include <thread>
#include <vector>

#include "codegen/host.h"
#include "core/page_memory.h"
#include "core/target.h"

namespace tilesmith {

namespace {

using Clock = std::chrono::steady_clock;

// A fused multiply-add takes about 4 cycles and two start in each: 8 independent sums at least. 12 leave a margin and,
// with the two operands, fit into 16 registers.
constexpr int kSums = 12;
constexpr int64_t kStepsPerRun = 200'000;

// One loop an instruction set: the compiler keeps the sums in registers and contracts s * x + y. With x below 1 the
// sums stay finite and normal; they begin apart, or the compiler would compute one for all. Returns something that
// depends on all of them, so that nothing is optimised away.
using Vector4 = float __attribute__((vector_size(16)));
using Vector8 = float __attribute__((vector_size(32)));
using Vector16 = float __attribute__((vector_size(64)));

float multiply_add_sse(int64_t steps) {
    std::array<Vector4, kSums> sums;
    for (size_t i = 0; i < kSums; ++i) sums[i] = Vector4{} + static_cast<float>(i);
    const Vector4 x = Vector4{} + 0.5F, y = Vector4{} + 0.25F;
    for (int64_t i = 0; i < steps; ++i) {
        for (Vector4& sum : sums) sum = sum * x + y;
    }
    float total = 0;
    for (const Vector4& sum : sums) total += sum[0];
    return total;
}

__attribute__((target("avx2,fma"))) float multiply_add_avx2(int64_t steps) {
    std::array<Vector8, kSums> sums;
    for (size_t i = 0; i < kSums; ++i) sums[i] = Vector8{} + static_cast<float>(i);
    const Vector8 x = Vector8{} + 0.5F, y = Vector8{} + 0.25F;
    for (int64_t i = 0; i < steps; ++i) {
        for (Vector8& sum : sums) sum = sum * x + y;
    }
    float total = 0;
    for (const Vector8& sum : sums) total += sum[0];
    return total;
}

__attribute__((target("avx512f"))) float multiply_add_avx512(int64_t steps) {
    std::array<Vector16, kSums> sums;
    for (size_t i = 0; i < kSums; ++i) sums[i] = Vector16{} + static_cast<float>(i);
    const Vector16 x = Vector16{} + 0.5F, y = Vector16{} + 0.25F;
    for (int64_t i = 0; i < steps; ++i) {
        for (Vector16& sum : sums) sum = sum * x + y;
    }
    float total = 0;
    for (const Vector16& sum : sums) total += sum[0];
    return total;
}

// Where results go, so that the loops are not optimised away.
thread_local volatile float sink;

// Reads `streams` streams in turn, 16 vectors of all.
template <class Vector, size_t streams>
[[gnu::always_inline]] inline void read_as(const float* floats, size_t count) {
    constexpr size_t kStep = 16 / streams;
    const size_t stream = count * sizeof(float) / sizeof(Vector) / streams;
    const auto* const data = static_cast<const Vector*>(static_cast<const void*>(floats));
    std::array<Vector, streams * kStep> sums{};
    for (size_t i = 0; i + kStep <= stream; i += kStep)
        for (size_t s = 0; s < streams; ++s)
            for (size_t j = 0; j < kStep; ++j) sums[s * kStep + j] += data[s * stream + i + j];
    float total = 0;
    for (const Vector& sum : sums) total += sum[0];
    sink = total;
}

// One function an instruction set: narrower loads would be what limits the reading of the second cache.
void read_sse(const float* data, size_t count) { read_as<Vector4, 4>(data, count); }
__attribute__((target("avx2,fma"))) void read_avx2(const float* data, size_t count) {
    read_as<Vector8, 4>(data, count);
}
__attribute__((target("avx512f"))) void read_avx512(const float* data, size_t count) {
    read_as<Vector16, 4>(data, count);
}

struct Kernel {
    float (*multiply_add)(int64_t steps);
    void (*read)(const float* data, size_t count);
    int lanes;
};

Kernel widest_kernel() {
    const std::vector<std::string>& features = host().features;
    const auto has = [&](const char* name) {
        return std::find(features.begin(), features.end(), name) != features.end();
    };
    if (has("avx512f")) return {multiply_add_avx512, read_avx512, 16};
    if (has("avx2") && has("fma")) return {multiply_add_avx2, read_avx2, 8};
    return {multiply_add_sse, read_sse, 4};
}

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// The best of as many calls of `run` as fit into `seconds`; `run` returns work done, the result is work a second.
template <class Run>
double best_rate(double seconds, const Run& run) {
    double best = 0;
    const Clock::time_point begin = Clock::now();
    do {
        const Clock::time_point start = Clock::now();
        const double work = run();
        best = std::max(best, work / seconds_since(start));
    } while (seconds_since(begin) < seconds);
    return best;
}

// A stretch of reading from the level of memory that holds a buffer of `bytes`.
class Reader {
  public:
    explicit Reader(int64_t bytes)
        : read_(widest_kernel().read),
          count_(static_cast<size_t>(bytes) / sizeof(float)),
          memory_(page_memory(count_ * sizeof(float), "what is read")) {
        std::fill(floats(), floats() + count_, 1.0F);
    }

    // Gigabytes read.
    double run() const {
        constexpr size_t kLeastBytes = size_t{4} << 20;  // or asking for the time would count
        const size_t bytes = count_ * sizeof(float);
        const size_t times = 1 + kLeastBytes / bytes;
        for (size_t i = 0; i < times; ++i) read_(floats(), count_);
        return static_cast<double>(times * bytes) / 1e9;
    }

  private:
    [[nodiscard]] float* floats() const { return static_cast<float*>(static_cast<void*>(memory_.get())); }

    void (*read_)(const float* data, size_t count);
    size_t count_;
    PageMemory memory_;
};

// What each of `cores` readers reads: too much for the caches before the one it is about, or for all of them.
struct ReadBytes {
    int64_t l2 = 0;
    int64_t l3 = 0;  // 0: no such cache
    int64_t memory = 0;
};

ReadBytes read_bytes(int cores) {
    constexpr int64_t kLeastBeyond = int64_t{64} << 20;
    constexpr int64_t kMostBeyond = int64_t{512} << 20;
    const Target target = resolve_target("host", /*must_run=*/false, nullptr);
    ReadBytes bytes;
    bytes.l2 = target.l2_bytes / 2;
    // No more than is sure to miss the second cache: of a large third one a virtual machine may have only a share.
    if (target.l3_bytes > 0)
        bytes.l3 = std::clamp(target.l3_bytes / 2 / cores, 2 * target.l2_bytes, 8 * target.l2_bytes);
    bytes.memory =
        std::min(std::clamp(4 * target.l3_bytes, kLeastBeyond, kMostBeyond), usable_memory_bytes() / 4 / cores);
    return bytes;
}

// The sum over all cores of the work a second that each does while the others do theirs. `make()` returns a core's
// function, which returns work done.
template <class Make>
double rate_of_all_cores(double seconds, const Make& make) {
    const std::vector<int>& cpus = host().core_cpus;
    std::vector<double> rates(cpus.size());
    std::barrier begin(static_cast<std::ptrdiff_t>(cpus.size()));
    std::vector<std::thread> threads;
    threads.reserve(cpus.size());
    for (size_t core = 0; core < cpus.size(); ++core)
        threads.emplace_back([&, core] {
            pin_to(cpus[core]);
            const auto run = make();
            begin.arrive_and_wait();
            const Clock::time_point start = Clock::now();
            double work = 0;
            do work += run();
            while (seconds_since(start) < seconds);
            rates[core] = work / seconds_since(start);
        });
    for (std::thread& thread : threads) thread.join();
    return std::accumulate(rates.begin(), rates.end(), 0.0);
}

double multiply_add_gigaflop() {
    static const Kernel kernel = widest_kernel();
    sink = kernel.multiply_add(kStepsPerRun);
    return 2.0 * kSums * kernel.lanes * static_cast<double>(kStepsPerRun) / 1e9;
}

}  // namespace

void read_memory(const float* data, size_t elements, int streams) {
    streams == 1 ? read_as<Vector4, 1>(data, elements) : read_as<Vector4, 4>(data, elements);
}

double measure_peak_gflops(double seconds) { return best_rate(seconds, multiply_add_gigaflop); }

Calibration calibrate(double seconds) {
    constexpr int kRates = 4;
    const double share = seconds / (2 * kRates);
    const auto one = [&](int64_t bytes) {
        if (bytes == 0) return 0.0;
        const Reader reader(bytes);
        return best_rate(share, [&] { return reader.run(); });
    };
    const auto all = [&](int64_t bytes) {
        if (bytes == 0) return 0.0;
        return rate_of_all_cores(
            share, [bytes] { return [reader = std::make_shared<Reader>(bytes)] { return reader->run(); }; });
    };
    Calibration c;
    c.cores = static_cast<int>(host().core_cpus.size());
    const ReadBytes alone = read_bytes(1);
    c.one_core = {measure_peak_gflops(share), one(alone.l2), one(alone.l3), one(alone.memory)};
    const ReadBytes together = read_bytes(c.cores);
    c.all_cores = {rate_of_all_cores(share, [] { return multiply_add_gigaflop; }), all(together.l2), all(together.l3),
                   all(together.memory)};
    return c;
}

}  // namespace tilesmith
