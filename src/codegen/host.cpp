#include "codegen/host.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <hwloc.h>
#include <llvm/ADT/SmallVector.h>
#include <llvm/ADT/StringMap.h>
#include <llvm/TargetParser/Host.h>
#include <llvm/TargetParser/X86TargetParser.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <memory>

#include "core/error.h"

namespace tilesmith {

namespace {

struct FreeTopology {
    void operator()(hwloc_topology* topology) const { hwloc_topology_destroy(topology); }
};
struct FreeBitmap {
    void operator()(hwloc_bitmap_s* bitmap) const { hwloc_bitmap_free(bitmap); }
};
using Topology = std::unique_ptr<hwloc_topology, FreeTopology>;
using Bitmap = std::unique_ptr<hwloc_bitmap_s, FreeBitmap>;

Topology load_topology() {
    hwloc_topology_t topology = nullptr;
    if (hwloc_topology_init(&topology) != 0) throw run_failed("hwloc cannot start");
    Topology owned(topology);
    if (hwloc_topology_load(topology) != 0) throw run_failed("hwloc cannot read this machine's topology");
    return owned;
}

std::string info(const Topology& topology, const char* name) {
    const hwloc_obj_t package = hwloc_get_obj_by_type(topology.get(), HWLOC_OBJ_PACKAGE, 0);
    const char* value = package == nullptr ? nullptr : hwloc_obj_get_info_by_name(package, name);
    return value == nullptr ? "" : value;
}

// The size of the cache that the first core sees; 0 where there is none.
int64_t cache_bytes(const Topology& topology, hwloc_obj_type_t level) {
    const hwloc_obj_t cache = hwloc_get_obj_by_type(topology.get(), level, 0);
    return cache == nullptr ? 0 : static_cast<int64_t>(cache->attr->cache.size);
}

// One logical CPU of each physical core that this process may run on.
std::vector<int> usable_cores(const Topology& topology) {
    const Bitmap allowed(hwloc_bitmap_alloc());
    if (hwloc_get_cpubind(topology.get(), allowed.get(), HWLOC_CPUBIND_PROCESS) != 0)
        hwloc_bitmap_copy(allowed.get(), hwloc_topology_get_allowed_cpuset(topology.get()));
    std::vector<int> cpus;
    const int cores = hwloc_get_nbobjs_by_type(topology.get(), HWLOC_OBJ_CORE);
    for (int i = 0; i < cores; ++i) {
        const hwloc_obj_t core = hwloc_get_obj_by_type(topology.get(), HWLOC_OBJ_CORE, static_cast<unsigned>(i));
        const Bitmap both(hwloc_bitmap_alloc());
        hwloc_bitmap_and(both.get(), core->cpuset, allowed.get());
        const int first = hwloc_bitmap_first(both.get());
        if (first >= 0) cpus.push_back(first);
    }
    if (cpus.empty()) cpus.push_back(std::max(0, hwloc_bitmap_first(allowed.get())));
    return cpus;
}

std::vector<std::string> host_features() {
    std::vector<std::string> names;
    for (const auto& feature : llvm::sys::getHostCPUFeatures())
        if (feature.getValue()) names.push_back(feature.getKey().str());
    std::sort(names.begin(), names.end());
    return names;
}

// Those that decide which code can run and how fast: what a fingerprint keeps.
std::vector<std::string> features_that_matter(const std::vector<std::string>& all) {
    constexpr std::array<std::string_view, 14> kMatter{"sse4.1",     "avx",        "avx2",     "fma",      "f16c",
                                                       "avxvnni",    "avx512f",    "avx512bw", "avx512dq", "avx512vl",
                                                       "avx512vnni", "avx512bf16", "amx-int8", "amx-bf16"};
    std::vector<std::string> kept;
    for (const std::string_view name : kMatter)
        if (std::binary_search(all.begin(), all.end(), name)) kept.emplace_back(name);
    return kept;
}

Host detect() {
    const Topology topology = load_topology();
    Host host;
    host.features = host_features();
    host.core_cpus = usable_cores(topology);
    host.physical_cores = static_cast<int>(host.core_cpus.size());
    host.memory_bytes = static_cast<int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGE_SIZE);

    const int64_t l1 = cache_bytes(topology, HWLOC_OBJ_L1CACHE);
    const int64_t l2 = cache_bytes(topology, HWLOC_OBJ_L2CACHE);
    const int64_t l3 = cache_bytes(topology, HWLOC_OBJ_L3CACHE);
    const std::string processor = processor_name(llvm::sys::getHostCPUName().str(), host.features);
    host.device.fingerprint =
        fmt::format("{} {} {}/{}/{} {} l1={}K l2={}K l3={}K", "x86-64", info(topology, "CPUVendor"),
                    info(topology, "CPUFamilyNumber"), info(topology, "CPUModelNumber"), info(topology, "CPUStepping"),
                    fmt::join(features_that_matter(host.features), ","), l1 / 1024, l2 / 1024, l3 / 1024);
    host.device.description =
        fmt::format("{} ({}), {} cores", info(topology, "CPUModel"), processor, host.physical_cores);
    host.device.facts = {{"processor", processor},
                         {"model_name", info(topology, "CPUModel")},
                         {"physical_cores", host.physical_cores},
                         {"l1_bytes", l1},
                         {"l2_bytes", l2},
                         {"l3_bytes", l3},
                         {"memory_bytes", host.memory_bytes}};
    return host;
}

Target host_target(std::string* note) {
    const Host& machine = host();
    const Target* nearest = nearest_target(machine.features);
    if (nearest == nullptr)
        throw bad_input("this processor has none of the instruction sets that the shipped targets need",
                        "see `tilesmith target list`; a target file of your own may be given with --target FILE.json");
    Target target = *nearest;
    const auto& facts = machine.device.facts;
    const auto take = [&facts](const char* key, int64_t& field) {
        const auto bytes = facts.at(key).get<int64_t>();
        if (bytes > 0) field = bytes;
    };
    take("l1_bytes", target.l1_bytes);
    take("l2_bytes", target.l2_bytes);
    take("l3_bytes", target.l3_bytes);
    const auto processor = facts.at("processor").get<std::string>();
    if (note != nullptr && processor != target.llvm_cpu)
        *note = fmt::format(
            "no target is listed for this processor ({}); using the nearest that its features allow, {}, "
            "with this machine's cache sizes",
            processor, target.name);
    return target;
}

}  // namespace

const Host& host() {
    static const Host detected = detect();
    return detected;
}

std::string processor_name(const std::string& model, const std::vector<std::string>& features) {
    const Target* nearest = nearest_target(features);
    if (nearest == nullptr || llvm::X86::parseArchX86(model) == llvm::X86::CK_None) return model;
    llvm::SmallVector<llvm::StringRef, 128> of_model;
    llvm::X86::getFeaturesForCPU(model, of_model);
    of_model.push_back("sse2");  // missing there: every x86-64 processor has it
    const bool known = std::all_of(
        nearest->requires_features.begin(), nearest->requires_features.end(),
        [&](const std::string& name) { return std::find(of_model.begin(), of_model.end(), name) != of_model.end(); });
    return known ? model : nearest->llvm_cpu;
}

void pin_to(int cpu) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<size_t>(cpu), &one);
    sched_setaffinity(0, sizeof one, &one);
}

int64_t usable_memory_bytes() {
    int64_t bytes = host().memory_bytes;
    rlimit limit{};
    if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        bytes = std::min(bytes, static_cast<int64_t>(limit.rlim_cur));
    // Control groups, version 2: "max" or a number.
    std::ifstream file("/sys/fs/cgroup/memory.max");
    if (int64_t most = 0; file >> most) bytes = std::min(bytes, most);
    return bytes;
}

Target resolve_target(const std::string& name, bool must_run, std::string* note) {
    if (name == "host") return host_target(note);
    Target target = target_named(name);
    const std::vector<std::string> missing = missing_features(target, host().features);
    if (must_run && !missing.empty())
        throw bad_input(fmt::format("this machine cannot run code for the target '{}': its processor lacks {}",
                                    target.name, fmt::join(missing, ", ")),
                        "use --target host, or run on a machine that has the feature");
    return target;
}

Toolchain toolchain() { return {fmt::format("halide {}", TILESMITH_HALIDE_VERSION)}; }

}  // namespace tilesmith
