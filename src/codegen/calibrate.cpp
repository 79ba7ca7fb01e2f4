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

struct Kernel {
    float (*run)(int64_t steps);
    int lanes;
};

Kernel widest_kernel() {
    const std::vector<std::string>& features = host().features;
    const auto has = [&](const char* name) {
        return std::find(features.begin(), features.end(), name) != features.end();
    };
    if (has("avx512f")) return {multiply_add_avx512, 16};
    if (has("avx2") && has("fma")) return {multiply_add_avx2, 8};
    return {multiply_add_sse, 4};
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

// Where results go, so that the loops above are not optimised away.
thread_local volatile float sink;

template <size_t streams>
void read_as(const Vector4* data, size_t count) {
    constexpr size_t kStep = 16 / streams;
    const size_t stream = count / streams;
    std::array<Vector4, streams * kStep> sums{};
    for (size_t i = 0; i + kStep <= stream; i += kStep)
        for (size_t s = 0; s < streams; ++s)
            for (size_t j = 0; j < kStep; ++j) sums[s * kStep + j] += data[s * stream + i + j];
    float total = 0;
    for (const Vector4& sum : sums) total += sum[0];
    sink = total;
}

// Memory's stretch of work: a buffer that no cache holds.
class Reader {
  public:
    Reader() : buffer_(elements(), Vector4{} + 1.0F) {}

    // Gigabytes read.
    double run() const {
        read_as<4>(buffer_.data(), buffer_.size());
        return static_cast<double>(buffer_.size() * sizeof(Vector4)) / 1e9;
    }

  private:
    static size_t elements() {
        constexpr int64_t kLeastBytes = int64_t{64} << 20;
        constexpr int64_t kMostBytes = int64_t{512} << 20;
        const int64_t l3_bytes = resolve_target("host", /*must_run=*/false, nullptr).l3_bytes;
        return static_cast<size_t>(std::clamp(4 * l3_bytes, kLeastBytes, kMostBytes)) / sizeof(Vector4);
    }

    std::vector<Vector4> buffer_;
};

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
    sink = kernel.run(kStepsPerRun);
    return 2.0 * kSums * kernel.lanes * static_cast<double>(kStepsPerRun) / 1e9;
}

}  // namespace

void read_memory(const float* data, size_t elements, int streams) {
    constexpr size_t kLanes = sizeof(Vector4) / sizeof(float);
    const auto* vectors = reinterpret_cast<const Vector4*>(data);
    streams == 1 ? read_as<1>(vectors, elements / kLanes) : read_as<4>(vectors, elements / kLanes);
}

double measure_peak_gflops(double seconds) { return best_rate(seconds, multiply_add_gigaflop); }

Calibration calibrate(double seconds) {
    const double share = seconds / 4;
    Calibration c;
    c.peak_gflops = measure_peak_gflops(share);
    c.read_gb_per_s = [&] {
        const Reader reader;
        return best_rate(share, [&] { return reader.run(); });
    }();
    c.cores = static_cast<int>(host().core_cpus.size());
    c.peak_gflops_all_cores = rate_of_all_cores(share, [] { return multiply_add_gigaflop; });
    c.read_gb_per_s_all_cores =
        rate_of_all_cores(share, [] { return [reader = std::make_shared<Reader>()] { return reader->run(); }; });
    return c;
}

}  // namespace tilesmith
