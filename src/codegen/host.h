// What machine this is: LLVM knows the processor's features, hwloc its caches and cores.
#pragma once

#include <string>
#include <vector>

#include "core/device.h"
#include "core/target.h"

namespace tilesmith {

struct Host {
    Device device;
    std::vector<std::string> features;  // LLVM's names, sorted
    int physical_cores = 1;             // those this process may run on
    std::vector<int> core_cpus;         // one logical CPU of each physical core (OS index), in order, for pinning
    int64_t memory_bytes = 0;
};

const Host& host();

// LLVM's name for a processor: `model`, what its family and model number say, or where a virtual machine shows the
// number of another one (the processor has features of a shipped target that `model` lacks), the model of that target.
// `features` are LLVM's names, sorted.
std::string processor_name(const std::string& model, const std::vector<std::string>& features);

// Binds the calling thread to one logical CPU.
void pin_to(int cpu);

// What this process may use of the machine's memory: less than all of it under `ulimit -v` or in a container.
int64_t usable_memory_bytes();

// The target for "--target": "host" gives the most capable shipped target the host's features allow, with the host's
// own cache sizes; `note` (may be null) receives a line for the user where the processor is not one of the listed ones.
// Another name or path gives that target. Throws bad_input naming the missing feature if the host cannot run it and
// `must_run` is set.
Target resolve_target(const std::string& name, bool must_run, std::string* note);

Toolchain toolchain();

}  // namespace tilesmith
