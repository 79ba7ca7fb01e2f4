// LLVM's machine code analyser (llvm-mca) over one loop, in this process.
#include <llvm/ADT/StringExtras.h>
#include <llvm/MC/MCSchedule.h>
#include <llvm/MCA/Context.h>
#include <llvm/MCA/CustomBehaviour.h>
#include <llvm/MCA/InstrBuilder.h>
#include <llvm/MCA/Pipeline.h>
#include <llvm/MCA/SourceMgr.h>
#include <llvm/MCA/Support.h>

#include <memory>
#include <vector>

#include "codegen/decoder.h"
#include "codegen/inspect.h"
#include "codegen/llvm_errors.h"
#include "core/error.h"

namespace tilesmith {

namespace {

namespace mca = llvm::mca;
using Instructions = std::vector<std::unique_ptr<mca::Instruction>>;

constexpr unsigned kWarmUp = 100;  // iterations until the pipeline is full
constexpr unsigned kCounted = 200;
constexpr unsigned kCallLatency = 100;  // cycles; of no importance: there are no calls in an innermost loop

// The machine instructions of a loop, as the analyser wants them. They refer to descriptions that the builder owns.
class LoopInstructions {
  public:
    LoopInstructions(const std::string& object, const Decoder& decoder, const MachineLoop& loop)
        : instruments_(decoder.subtarget(), decoder.instructions()),
          builder_(decoder.subtarget(), decoder.instructions(), decoder.registers(), &decoder.analysis(), instruments_,
                   kCallLatency) {
        const auto file = object_file(object);
        for (const llvm::object::SectionRef& section : file->sections()) {
            if (section.getIndex() != loop.section) continue;
            const llvm::StringRef contents = require(section.getContents(), "cannot read a section");
            add(llvm::arrayRefFromStringRef(contents), section.getAddress(), decoder, loop);
        }
    }
    const Instructions& all() const { return instructions_; }

  private:
    void add(llvm::ArrayRef<uint8_t> section, uint64_t section_address, const Decoder& decoder,
             const MachineLoop& loop) {
        uint64_t address = loop.address;
        for (int i = 0; i < loop.instructions; ++i) {
            uint64_t size = 0;
            const auto instruction = decoder.decode(section.slice(address - section_address), address, size);
            if (!instruction) throw run_failed("a loop holds bytes that are no instruction");
            address += size;
            instructions_.push_back(
                require(builder_.createInstruction(*instruction, {}), "LLVM knows no timing of an instruction"));
        }
    }

    const mca::InstrumentManager instruments_;
    mca::InstrBuilder builder_;
    Instructions instructions_;
};

// Cycles for so many iterations.
unsigned simulate(const Instructions& instructions, const Decoder& decoder, unsigned iterations) {
    mca::Context context(decoder.registers(), decoder.subtarget());
    mca::CircularSourceMgr source(instructions, iterations);
    mca::CustomBehaviour behaviour(decoder.subtarget(), source, decoder.instructions());
    // Sizes of 0: the processor's own. Stores and loads of different buffers do not wait for each other.
    const mca::PipelineOptions options(0, 0, 0, 0, 0, 0, /*NoAlias=*/true);
    const auto pipeline = context.createDefaultPipeline(options, source, behaviour);
    return require(pipeline->run(), "LLVM cannot analyse a loop");
}

// The busiest of the processor's resources, or the width at which instructions enter.
void find_limit(const Instructions& instructions, const llvm::MCSchedModel& model, LoopThroughput& result) {
    std::vector<uint64_t> masks(model.getNumProcResourceKinds());
    mca::computeProcResourceMasks(model, masks);
    std::vector<double> busy(masks.size());
    unsigned micro_ops = 0;
    for (const auto& instruction : instructions) {
        micro_ops += instruction->getNumMicroOps();
        for (const auto& [mask, usage] : instruction->getDesc().Resources)
            for (size_t i = 1; i < masks.size(); ++i)
                if (masks[i] == mask) busy[i] += usage.size();
    }
    result.limit_cycles = static_cast<double>(micro_ops) / model.IssueWidth;
    result.limited_by = "issue width";
    for (unsigned i = 1; i < masks.size(); ++i) {
        const llvm::MCProcResourceDesc& resource = *model.getProcResource(i);
        const double cycles = busy[i] / resource.NumUnits;
        if (cycles <= result.limit_cycles) continue;
        result.limit_cycles = cycles;
        result.limited_by = resource.Name;
    }
}

}  // namespace

LoopThroughput throughput_of(const std::string& object, const std::string& llvm_cpu, const MachineLoop& loop) {
    const Decoder decoder(object_file(object)->makeTriple(), llvm_cpu);
    const llvm::MCSchedModel& model = decoder.subtarget().getSchedModel();
    if (!model.hasInstrSchedModel())
        throw run_failed("LLVM has no timing model of " + llvm_cpu, "name a target whose processor it knows");
    const LoopInstructions instructions(object, decoder, loop);
    LoopThroughput result;
    result.cycles = static_cast<double>(simulate(instructions.all(), decoder, kWarmUp + kCounted) -
                                        simulate(instructions.all(), decoder, kWarmUp)) /
                    kCounted;
    find_limit(instructions.all(), model, result);
    return result;
}

}  // namespace tilesmith
