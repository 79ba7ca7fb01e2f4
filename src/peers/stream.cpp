// The yardstick of what memory bounds: every input is read once, from end to end, by as many threads of the pool that
// our kernels use. It computes nothing. See McCalpin, "Memory bandwidth and machine balance" (STREAM), 1995; reading
// alone is what a matrix-vector product does.
#include <algorithm>
#include <cstdint>

#include "codegen/calibrate.h"
#include "core/error.h"
#include "peers/libraries.h"
#include "runtime/tilesmith_runtime.h"
#include "schedules/operator.h"

// The run time's parallel loop, as kernels call it.
extern "C" int halide_do_par_for(void* user_context, int (*task)(void* user_context, int index, uint8_t* closure),
                                 int min, int size, uint8_t* closure);

namespace tilesmith {

namespace {

struct Input {
    const float* data;
    size_t elements;
};

class ReadingKernel final : public PeerKernel {
  public:
    ReadingKernel(std::vector<Input> inputs, int threads, int streams)
        : inputs_(std::move(inputs)), threads_(threads), streams_(streams) {
        tilesmith_rt_set_num_threads(threads);
    }

    void run() override {
        if (halide_do_par_for(nullptr, read_share, 0, threads_, reinterpret_cast<uint8_t*>(this)) != 0)
            throw run_failed("the threads that read memory failed");
    }

    [[nodiscard]] std::string layout() const override { return streams_ == 1 ? "one stream" : "four streams"; }

  private:
    static int read_share(void* /*user_context*/, int index, uint8_t* closure) {
        constexpr size_t kLine = 16;  // elements
        const auto& self = *reinterpret_cast<const ReadingKernel*>(closure);
        for (const Input& input : self.inputs_) {
            const size_t share = input.elements / static_cast<size_t>(self.threads_) / kLine * kLine;
            read_memory(input.data + static_cast<size_t>(index) * share, share, self.streams_);
        }
        return 0;
    }

    std::vector<Input> inputs_;
    int threads_, streams_;
};

bool available() { return true; }

std::string version() { return "reads the inputs once"; }

bool supports(const Problem&) { return true; }

std::vector<std::unique_ptr<PeerKernel>> prepare(const Problem& problem, int threads,
                                                 std::span<const float* const> inputs, float* /*output*/) {
    const std::vector<Argument> arguments = operator_of(problem).arguments(problem);
    std::vector<Input> read;
    for (size_t i = 0; i < inputs.size(); ++i)
        read.push_back({inputs[i], static_cast<size_t>(arguments[i].bytes()) / sizeof(float)});
    std::vector<std::unique_ptr<PeerKernel>> kernels;
    for (const int streams : {1, 4}) kernels.push_back(std::make_unique<ReadingKernel>(read, threads, streams));
    return kernels;
}

}  // namespace

Peer stream_peer() {
    return {.name = "stream",
            .title = "reading",
            .library = "",
            .environment = {},
            .by_default = false,
            .computes = false,
            .our_pool = true,
            .available = available,
            .version = version,
            .supports = supports,
            .prepare = prepare};
}

}  // namespace tilesmith
