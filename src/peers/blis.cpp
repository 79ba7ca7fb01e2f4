// BLIS runs its threads through OpenMP.
#include "peers/gemm.h"
#include "peers/libraries.h"
#include "peers/shared_library.h"

namespace tilesmith {

namespace {

struct Api {
    SharedLibrary library{"libblis.so.4", "libblis.so"};
    CblasSgemm sgemm = library.function<CblasSgemm>("cblas_sgemm");
    CblasSgemv sgemv = library.function<CblasSgemv>("cblas_sgemv");
    void (*set_threads)(int64_t) = library.function<void (*)(int64_t)>("bli_thread_set_num_threads");
    const char* (*version)() = library.function<const char* (*)()>("bli_info_get_version_str");
};

const Api& api() {
    static const Api instance;
    return instance;
}

bool available() { return api().sgemm != nullptr && api().set_threads != nullptr && api().version != nullptr; }

std::string version() {
    if (!available()) return "";
    return api().version();
}

bool supports(const Problem& problem) { return as_gemm(problem).has_value(); }

std::vector<std::unique_ptr<PeerKernel>> prepare(const Problem& problem, int threads,
                                                 std::span<const float* const> inputs, float* output) {
    auto kernels = gemm_kernels("BLIS", available() ? api().sgemm : nullptr, api().sgemv, problem, inputs, output);
    api().set_threads(threads);
    return kernels;
}

}  // namespace

Peer blis_peer() {
    return {.name = "blis",
            .title = "BLIS",
            .library = "libblis.so.4",
            .environment = {{"OMP_PROC_BIND", "true"}, {"OMP_PLACES", "cores"}},
            .available = available,
            .version = version,
            .supports = supports,
            .prepare = prepare};
}

}  // namespace tilesmith
