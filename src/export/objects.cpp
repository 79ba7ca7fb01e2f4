// LLVM's object tools as a library (see the header).
#include "export/objects.h"

#include <llvm/AsmParser/Parser.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Module.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/ObjCopy/ConfigManager.h>
#include <llvm/ObjCopy/ObjCopy.h>
#include <llvm/Object/ArchiveWriter.h>
#include <llvm/Object/ELFObjectFile.h>
#include <llvm/Object/ObjectFile.h>
#include <llvm/Support/SourceMgr.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Target/TargetMachine.h>

#include "core/error.h"
#include "core/hash.h"

namespace tilesmith {
namespace {

[[noreturn]] void fail(const std::string& doing, llvm::Error error) {
    throw run_failed(doing + ": " + llvm::toString(std::move(error)));
}

template <class T>
T require(llvm::Expected<T> value, const std::string& doing) {
    if (!value) fail(doing, value.takeError());
    return std::move(*value);
}

std::unique_ptr<llvm::object::ObjectFile> parse(const std::string& object) {
    return require(llvm::object::ObjectFile::createObjectFile(llvm::MemoryBufferRef(object, "object")),
                   "reading an object file");
}

const llvm::Target& x86_64(const std::string& triple) {
    static const bool initialised = [] {
        LLVMInitializeX86TargetInfo();
        LLVMInitializeX86Target();
        LLVMInitializeX86TargetMC();
        LLVMInitializeX86AsmPrinter();
        return true;
    }();
    static_cast<void>(initialised);
    std::string error;
    const llvm::Target* target = llvm::TargetRegistry::lookupTarget(triple, error);
    if (target == nullptr) throw run_failed("this LLVM cannot generate x86-64 code: " + error);
    return *target;
}

}  // namespace

SymbolTable symbols_of(const std::string& object) {
    SymbolTable table;
    const auto file = parse(object);
    for (const llvm::object::SymbolRef& symbol : file->symbols()) {
        const uint32_t flags = require(symbol.getFlags(), "reading a symbol");
        if ((flags & llvm::object::SymbolRef::SF_FormatSpecific) != 0) continue;
        const std::string name = require(symbol.getName(), "reading a symbol").str();
        if ((flags & llvm::object::SymbolRef::SF_Undefined) != 0) {
            if (!name.empty()) table.undefined.insert(name);
        } else if ((flags & llvm::object::SymbolRef::SF_Global) != 0) {
            table.defined.insert(name);
        }
    }
    return table;
}

Code code_of(const std::string& object) {
    std::string code;
    const auto file = parse(object);
    for (const llvm::object::SectionRef& section : file->sections()) {
        if (section.isText()) code += require(section.getContents(), "reading a section").str();
    }
    return {static_cast<int64_t>(code.size()), hash_text(stable_hash(code))};
}

std::string rename_symbols(const std::string& object, const std::map<std::string, std::string>& names,
                           const std::set<std::string>& visible) {
    const auto file = parse(object);
    llvm::objcopy::ConfigManager config;
    config.Common.InputFilename = config.Common.OutputFilename = "object";
    config.Common.StripUnneeded = true;
    config.Common.StripDebug = true;
    for (const auto& [from, to] : names) config.Common.SymbolsToRename[from] = to;
    llvm::objcopy::NameMatcher hidden;  // matched before renaming; keeps references into `defined`
    const std::set<std::string> defined = symbols_of(object).defined;
    for (const std::string& symbol : defined) {
        const auto renamed = names.find(symbol);
        if (visible.contains(renamed == names.end() ? symbol : renamed->second)) continue;
        auto matcher = llvm::objcopy::NameOrPattern::create(symbol, llvm::objcopy::MatchStyle::Literal,
                                                            [](llvm::Error error) { return error; });
        if (auto error = hidden.addMatcher(std::move(matcher))) fail("hiding a symbol", std::move(error));
    }
    config.ELF.SymbolsToSetVisibility.emplace_back(std::move(hidden), static_cast<uint8_t>(llvm::ELF::STV_HIDDEN));
    llvm::SmallVector<char, 0> out;
    llvm::raw_svector_ostream stream(out);
    if (auto error = llvm::objcopy::executeObjcopyOnBinary(config, *file, stream)) {
        fail("renaming symbols", std::move(error));
    }
    return {out.data(), out.size()};
}

std::string compile_ir(const std::string& ir) {
    const std::string triple = "x86_64-unknown-linux-gnu";
    llvm::TargetOptions options;
    options.UseInitArray = true;  // rather than .ctors and .dtors
    const std::unique_ptr<llvm::TargetMachine> machine(x86_64(triple).createTargetMachine(
        triple, "x86-64", "", options, llvm::Reloc::PIC_, std::nullopt, llvm::CodeGenOptLevel::Default));
    llvm::LLVMContext context;
    llvm::SMDiagnostic diagnostic;
    const auto module = llvm::parseAssemblyString(ir, diagnostic, context);
    if (!module) {
        throw run_failed("the functions of the library do not compile: line " + std::to_string(diagnostic.getLineNo()) +
                         ": " + diagnostic.getMessage().str() + ": " + diagnostic.getLineContents().str());
    }
    module->setTargetTriple(triple);
    module->setDataLayout(machine->createDataLayout());
    llvm::SmallVector<char, 0> out;
    llvm::raw_svector_ostream stream(out);
    llvm::legacy::PassManager passes;
    if (machine->addPassesToEmitFile(passes, stream, nullptr, llvm::CodeGenFileType::ObjectFile)) {
        throw run_failed("this LLVM cannot write x86-64 object files");
    }
    passes.run(*module);
    return {out.data(), out.size()};
}

std::string make_archive(const std::vector<ArchiveMember>& members) {
    std::vector<llvm::NewArchiveMember> list;
    list.reserve(members.size());
    for (const ArchiveMember& member : members) list.emplace_back(llvm::MemoryBufferRef(member.object, member.name));
    const auto archive =
        require(llvm::writeArchiveToBuffer(list, llvm::SymtabWritingMode::NormalSymtab, llvm::object::Archive::K_GNU,
                                           /*Deterministic=*/true, /*Thin=*/false),
                "writing the static library");
    return archive->getBuffer().str();
}

}  // namespace tilesmith
