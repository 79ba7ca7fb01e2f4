// Machine code as text, for people: the loops where a kernel spends its time, or all of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tilesmith {

// An innermost loop: the instructions from a backward branch's destination to the branch.
struct MachineLoop {
    std::string function;  // the symbol that it belongs to
    uint64_t section = 0;  // its section's number in the object file
    uint64_t address = 0;  // of its first instruction, within its section
    bool repeats = true;   // false: the longest stretch without a branch, of code that has no loop over vectors
    int instructions = 0;
    int multiply_adds = 0;      // vector fused multiply-adds (vector multiplications where the code has none)
    int vector_operations = 0;  // instructions on vectors, all together
    int vector_loads = 0;       // vector instructions but multiply-adds that read memory
    int vector_stores = 0;
    std::vector<std::string> lines;
};

struct MachineCode {
    std::vector<MachineLoop> loops;  // the hottest first: by multiply-adds, then by vector operations
    std::string text;                // everything, with symbols as labels
};

// Disassembles an object file for the processor `llvm_cpu` (Target::llvm_cpu). Throws run_failed if LLVM cannot read
// it.
MachineCode disassemble(const std::string& object, const std::string& llvm_cpu);

// What an iteration of a loop takes by LLVM's model of the processor, all data in the L1 cache.
struct LoopThroughput {
    double cycles = 0;        // simulated, instructions waiting for each other and for free resources
    double limit_cycles = 0;  // not faster than this: the busiest resource alone
    std::string limited_by;   // LLVM's name of it, or "issue width"
};

// Of one of disassemble()'s loops. Throws run_failed if LLVM has no model of the processor.
LoopThroughput throughput_of(const std::string& object, const std::string& llvm_cpu, const MachineLoop& loop);

}  // namespace tilesmith
