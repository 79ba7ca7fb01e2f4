#include "codegen/inspect.h"

#include <llvm/ADT/StringExtras.h>
#include <llvm/MC/MCAsmInfo.h>
#include <llvm/MC/MCContext.h>
#include <llvm/MC/MCDisassembler/MCDisassembler.h>
#include <llvm/MC/MCInst.h>
#include <llvm/MC/MCInstPrinter.h>
#include <llvm/MC/MCInstrAnalysis.h>
#include <llvm/MC/MCInstrInfo.h>
#include <llvm/MC/MCObjectFileInfo.h>
#include <llvm/MC/MCRegisterInfo.h>
#include <llvm/MC/MCSubtargetInfo.h>
#include <llvm/MC/MCTargetOptions.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Object/ObjectFile.h>
#include <llvm/Support/Format.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Support/raw_ostream.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>

#include "core/error.h"

namespace tilesmith {

namespace {

struct Instruction {
    uint64_t address = 0;
    std::string text;
    std::optional<uint64_t> branch_to;
    bool multiply_add = false;
    bool multiply = false;  // vector, not fused
    bool vector_load = false;
    bool vector_store = false;
};

// LLVM's machine-code layer for one triple and processor; the parts point at each other.
class Decoder {
  public:
    Decoder(const llvm::Triple& triple, const std::string& cpu) {
        llvm::InitializeAllTargetInfos();
        llvm::InitializeAllTargetMCs();
        llvm::InitializeAllDisassemblers();
        std::string error;
        const llvm::Target* target = llvm::TargetRegistry::lookupTarget(triple.str(), error);
        if (target == nullptr) throw run_failed("LLVM cannot disassemble for " + triple.str() + ": " + error);
        registers_.reset(target->createMCRegInfo(triple.str()));
        assembly_.reset(target->createMCAsmInfo(*registers_, triple.str(), llvm::MCTargetOptions{}));
        instructions_.reset(target->createMCInstrInfo());
        subtarget_.reset(target->createMCSubtargetInfo(triple.str(), cpu, ""));
        context_ = std::make_unique<llvm::MCContext>(triple, assembly_.get(), registers_.get(), subtarget_.get());
        disassembler_.reset(target->createMCDisassembler(*subtarget_, *context_));
        analysis_.reset(target->createMCInstrAnalysis(instructions_.get()));
        printer_.reset(
            target->createMCInstPrinter(triple, /*SyntaxVariant=*/1, *assembly_, *instructions_, *registers_));
        if (!disassembler_ || !printer_ || !analysis_) throw run_failed("LLVM cannot disassemble for " + triple.str());
        printer_->setPrintImmHex(true);
        printer_->setPrintBranchImmAsAddress(true);
    }

    std::vector<Instruction> decode(llvm::ArrayRef<uint8_t> bytes, uint64_t begin) const {
        std::vector<Instruction> result;
        for (uint64_t offset = 0; offset < bytes.size();) {
            llvm::MCInst instruction;
            uint64_t size = 0;
            const uint64_t address = begin + offset;
            const auto status =
                disassembler_->getInstruction(instruction, size, bytes.slice(offset), address, llvm::nulls());
            size = std::max<uint64_t>(size, 1);
            if (status == llvm::MCDisassembler::Fail) {
                result.push_back({address, "(not an instruction)", std::nullopt});
            } else {
                result.push_back(describe(instruction, address, size));
            }
            offset += size;
        }
        return result;
    }

  private:
    Instruction describe(const llvm::MCInst& instruction, uint64_t address, uint64_t size) const {
        Instruction result;
        result.address = address;
        llvm::raw_string_ostream stream(result.text);
        printer_->printInst(&instruction, address + size, "", *subtarget_, stream);  // x86 counts from the next one
        const size_t begin = result.text.find_first_not_of(" \t");
        result.text.erase(0, begin == std::string::npos ? 0 : begin);
        std::replace(result.text.begin(), result.text.end(), '\t', ' ');
        const llvm::MCInstrDesc& info = instructions_->get(instruction.getOpcode());
        uint64_t to = 0;
        if (info.isBranch() && analysis_->evaluateBranch(instruction, address, size, to)) result.branch_to = to;
        classify(info, result);
        return result;
    }

    // By mnemonic: the packed single-precision arithmetic of x86. Loads that are operands of arithmetic count with it.
    static void classify(const llvm::MCInstrDesc& info, Instruction& instruction) {
        const std::string mnemonic = instruction.text.substr(0, instruction.text.find(' '));
        const auto contains = [&](const char* part) { return mnemonic.find(part) != std::string::npos; };
        instruction.multiply_add = contains("fmadd") || contains("fmsub") || contains("fnmadd");
        instruction.multiply = mnemonic == "mulps" || mnemonic == "vmulps";
        const bool vector = contains("mova") || contains("movu") || contains("broadcast");
        instruction.vector_load = vector && info.mayLoad();
        instruction.vector_store = vector && info.mayStore();
    }

    std::unique_ptr<llvm::MCRegisterInfo> registers_;
    std::unique_ptr<llvm::MCAsmInfo> assembly_;
    std::unique_ptr<llvm::MCInstrInfo> instructions_;
    std::unique_ptr<llvm::MCSubtargetInfo> subtarget_;
    std::unique_ptr<llvm::MCContext> context_;
    std::unique_ptr<llvm::MCDisassembler> disassembler_;
    std::unique_ptr<llvm::MCInstrAnalysis> analysis_;
    std::unique_ptr<llvm::MCInstPrinter> printer_;
};

using Labels = std::multimap<uint64_t, std::string>;

std::string function_at(const Labels& labels, uint64_t address) {
    const auto after = labels.upper_bound(address);
    return after == labels.begin() ? std::string() : std::prev(after)->second;
}

std::string line_text(const Instruction& instruction) {
    std::string line;
    llvm::raw_string_ostream(line) << llvm::format_hex_no_prefix(instruction.address, 6) << "  " << instruction.text;
    return line;
}

MachineLoop loop_of(const std::vector<Instruction>& code, size_t first, size_t last, const Labels& labels) {
    MachineLoop loop;
    loop.function = function_at(labels, code[first].address);
    loop.address = code[first].address;
    int multiplications = 0;
    for (size_t i = first; i <= last; ++i) {
        ++loop.instructions;
        loop.multiply_adds += code[i].multiply_add ? 1 : 0;
        multiplications += code[i].multiply ? 1 : 0;
        loop.vector_loads += code[i].vector_load ? 1 : 0;
        loop.vector_stores += code[i].vector_store ? 1 : 0;
        loop.lines.push_back(line_text(code[i]));
    }
    if (loop.multiply_adds == 0) loop.multiply_adds = multiplications;
    return loop;
}

// The loops of one section that contain no other loop.
void append_loops(const std::vector<Instruction>& code, const Labels& labels, std::vector<MachineLoop>& loops) {
    std::map<uint64_t, size_t> index_of;
    for (size_t i = 0; i < code.size(); ++i) index_of[code[i].address] = i;
    size_t last_begin = 0;
    bool any = false;
    // In the order of their ends: a loop is innermost if no loop that ended before it began inside it.
    for (size_t end = 0; end < code.size(); ++end) {
        if (!code[end].branch_to || *code[end].branch_to > code[end].address) continue;
        const auto begin = index_of.find(*code[end].branch_to);
        if (begin == index_of.end() || (any && last_begin >= begin->second)) continue;
        loops.push_back(loop_of(code, begin->second, end, labels));
        last_begin = begin->second;
        any = true;
    }
}

template <class T>
T require(llvm::Expected<T> expected, const char* what) {
    if (!expected) throw run_failed(std::string("cannot read ") + what + ": " + llvm::toString(expected.takeError()));
    return std::move(*expected);
}

Labels labels_of(const llvm::object::ObjectFile& file, const llvm::object::SectionRef& section) {
    Labels labels;
    for (const llvm::object::SymbolRef& symbol : file.symbols()) {
        if (require(symbol.getType(), "a symbol") != llvm::object::SymbolRef::ST_Function) continue;
        if (require(symbol.getSection(), "a symbol") != llvm::object::section_iterator(section)) continue;
        labels.emplace(require(symbol.getAddress(), "a symbol"), require(symbol.getName(), "a symbol").str());
    }
    return labels;
}

}  // namespace

MachineCode disassemble(const std::string& object, const std::string& llvm_cpu) {
    const auto file =
        require(llvm::object::ObjectFile::createObjectFile(llvm::MemoryBufferRef(object, "kernel")), "the object file");
    const Decoder decoder(file->makeTriple(), llvm_cpu);
    MachineCode result;
    for (const llvm::object::SectionRef& section : file->sections()) {
        if (!section.isText() || section.getSize() == 0) continue;
        const llvm::StringRef bytes = require(section.getContents(), "a section");
        const Labels labels = labels_of(*file, section);
        const std::vector<Instruction> code = decoder.decode(llvm::arrayRefFromStringRef(bytes), section.getAddress());
        for (const Instruction& instruction : code) {
            const auto [begin, end] = labels.equal_range(instruction.address);
            for (auto label = begin; label != end; ++label) result.text += label->second + ":\n";
            result.text += "  " + line_text(instruction) + "\n";
        }
        append_loops(code, labels, result.loops);
    }
    std::stable_sort(result.loops.begin(), result.loops.end(),
                     [](const MachineLoop& a, const MachineLoop& b) { return a.multiply_adds > b.multiply_adds; });
    return result;
}

}  // namespace tilesmith
