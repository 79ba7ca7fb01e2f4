// OpenBLAS keeps threads of its own, which wait by spinning for some milliseconds.
#include "peers/gemm.h"
#include "peers/libraries.h"
#include "peers/shared_library.h"

namespace tilesmith {

namespace {

struct Api {
    SharedLibrary library{"libopenblas.so.0", "libopenblas.so"};
    CblasSgemm sgemm = library.function<CblasSgemm>("cblas_sgemm");
    CblasSgemv sgemv = library.function<CblasSgemv>("cblas_sgemv");
    void (*set_threads)(int) = library.function<void (*)(int)>("openblas_set_num_threads");
    const char* (*config)() = library.function<const char* (*)()>("openblas_get_config");
};

const Api& api() {
    static const Api instance;
    return instance;
}

bool available() { return api().sgemm != nullptr && api().set_threads != nullptr && api().config != nullptr; }

std::string version() {
    if (!available()) return "";
    // "OpenBLAS 0.3.21 DYNAMIC_ARCH ...": the number is the second word.
    const std::string config = api().config();
    const size_t begin = config.find(" ") + 1;
    return config.substr(begin, config.find(" ", begin) - begin);
}

bool supports(const Problem& problem) { return as_gemm(problem).has_value(); }

std::vector<std::unique_ptr<PeerKernel>> prepare(const Problem& problem, int threads,
                                                 std::span<const float* const> inputs, float* output) {
    auto kernels = gemm_kernels("OpenBLAS", available() ? api().sgemm : nullptr, api().sgemv, problem, inputs, output);
    api().set_threads(threads);
    return kernels;
}

}  // namespace

Peer openblas_peer() {
    return {.name = "openblas",
            .title = "OpenBLAS",
            .library = "libopenblas.so.0",
            .environment = {},
            .available = available,
            .version = version,
            .supports = supports,
            .prepare = prepare};
}

}  // namespace tilesmith
