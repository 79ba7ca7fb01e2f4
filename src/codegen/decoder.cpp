#include "codegen/decoder.h"

#include <llvm/MC/MCTargetOptions.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Support/raw_ostream.h>

#include <algorithm>

#include "codegen/llvm_errors.h"
#include "core/error.h"

namespace tilesmith {

std::unique_ptr<llvm::object::ObjectFile> object_file(const std::string& object) {
    return require(llvm::object::ObjectFile::createObjectFile(llvm::MemoryBufferRef(object, "kernel")),
                   "cannot read the object file");
}

Decoder::Decoder(const llvm::Triple& triple, const std::string& cpu) {
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
    printer_.reset(target->createMCInstPrinter(triple, /*SyntaxVariant=*/1, *assembly_, *instructions_, *registers_));
    if (!disassembler_ || !printer_ || !analysis_) throw run_failed("LLVM cannot disassemble for " + triple.str());
    printer_->setPrintImmHex(true);
    printer_->setPrintBranchImmAsAddress(true);
}

std::optional<llvm::MCInst> Decoder::decode(llvm::ArrayRef<uint8_t> bytes, uint64_t address, uint64_t& size) const {
    llvm::MCInst instruction;
    const auto status = disassembler_->getInstruction(instruction, size, bytes, address, llvm::nulls());
    size = std::max<uint64_t>(size, 1);
    if (status == llvm::MCDisassembler::Fail) return std::nullopt;
    return instruction;
}

std::string Decoder::text(const llvm::MCInst& instruction, uint64_t address, uint64_t size) const {
    std::string text;
    llvm::raw_string_ostream stream(text);
    printer_->printInst(&instruction, address + size, "", *subtarget_, stream);  // x86 counts from the next one
    const size_t begin = text.find_first_not_of(" \t");
    text.erase(0, begin == std::string::npos ? 0 : begin);
    std::replace(text.begin(), text.end(), '\t', ' ');
    return text;
}

std::optional<uint64_t> Decoder::destination(const llvm::MCInst& instruction, uint64_t address, uint64_t size) const {
    uint64_t to = 0;
    if (!description(instruction).isBranch() || !analysis_->evaluateBranch(instruction, address, size, to))
        return std::nullopt;
    return to;
}

}  // namespace tilesmith
