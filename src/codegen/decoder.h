// Machine code of one processor, instruction by instruction, through LLVM's machine-code layer. Internal to
// src/codegen.
#pragma once

#include <llvm/MC/MCAsmInfo.h>
#include <llvm/MC/MCContext.h>
#include <llvm/MC/MCDisassembler/MCDisassembler.h>
#include <llvm/MC/MCInst.h>
#include <llvm/MC/MCInstPrinter.h>
#include <llvm/MC/MCInstrAnalysis.h>
#include <llvm/MC/MCInstrInfo.h>
#include <llvm/MC/MCRegisterInfo.h>
#include <llvm/MC/MCSubtargetInfo.h>
#include <llvm/Object/ObjectFile.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace tilesmith {

// The object file in `object`, which must outlive it. Throws run_failed.
std::unique_ptr<llvm::object::ObjectFile> object_file(const std::string& object);

// LLVM's parts point at each other, so they live together. Throws run_failed where LLVM cannot disassemble.
class Decoder {
  public:
    Decoder(const llvm::Triple& triple, const std::string& cpu);

    // The instruction at the beginning of `bytes`, which lies at `address`, and its length; null where there is none.
    [[nodiscard]] std::optional<llvm::MCInst> decode(llvm::ArrayRef<uint8_t> bytes, uint64_t address,
                                                     uint64_t& size) const;
    [[nodiscard]] std::string text(const llvm::MCInst& instruction, uint64_t address, uint64_t size) const;
    // Where a branch goes.
    [[nodiscard]] std::optional<uint64_t> destination(const llvm::MCInst& instruction, uint64_t address,
                                                      uint64_t size) const;
    [[nodiscard]] const llvm::MCInstrDesc& description(const llvm::MCInst& instruction) const {
        return instructions_->get(instruction.getOpcode());
    }

    [[nodiscard]] const llvm::MCSubtargetInfo& subtarget() const { return *subtarget_; }
    [[nodiscard]] const llvm::MCInstrInfo& instructions() const { return *instructions_; }
    [[nodiscard]] const llvm::MCRegisterInfo& registers() const { return *registers_; }
    [[nodiscard]] const llvm::MCInstrAnalysis& analysis() const { return *analysis_; }

  private:
    std::unique_ptr<llvm::MCRegisterInfo> registers_;
    std::unique_ptr<llvm::MCAsmInfo> assembly_;
    std::unique_ptr<llvm::MCInstrInfo> instructions_;
    std::unique_ptr<llvm::MCSubtargetInfo> subtarget_;
    std::unique_ptr<llvm::MCContext> context_;
    std::unique_ptr<llvm::MCDisassembler> disassembler_;
    std::unique_ptr<llvm::MCInstrAnalysis> analysis_;
    std::unique_ptr<llvm::MCInstPrinter> printer_;
};

}  // namespace tilesmith
