#include "codegen/loader.h"

#include <fmt/format.h>
#include <llvm/ExecutionEngine/Orc/LLJIT.h>
#include <llvm/Support/MemoryBuffer.h>
#include <llvm/Support/TargetSelect.h>

#include <bit>
#include <mutex>
#include <utility>

#include "codegen/llvm_errors.h"
#include "codegen/runtime_symbols.h"

namespace tilesmith {

namespace orc = llvm::orc;

struct Loader::Impl {
    // What ORC would print: it names undefined symbols here, not in the error it returns. Outlives `jit`, which may
    // report until its end.
    std::string session_error;
    std::unique_ptr<orc::LLJIT> jit;
    orc::JITDylib* runtime = nullptr;
    uint64_t loaded = 0;

    std::string take_session_error() { return std::exchange(session_error, {}); }
};

namespace {

// A kernel in a dylib of its own, so that kernels with the same symbols live side by side.
class OrcKernel : public LoadedKernel {
  public:
    OrcKernel(orc::LLJIT& jit, orc::JITDylib& dylib) : jit_(jit), dylib_(dylib) {}
    OrcKernel(const OrcKernel&) = delete;
    OrcKernel& operator=(const OrcKernel&) = delete;
    ~OrcKernel() override { llvm::consumeError(jit_.getExecutionSession().removeJITDylib(dylib_)); }

    void* symbol(const std::string& name) override {
        auto address = jit_.lookup(dylib_, name);
        if (address) return address->toPtr<void*>();
        llvm::consumeError(address.takeError());
        return nullptr;
    }

    // Makes ORC link everything now: errors belong to loading, not to the first look-up.
    void link(const std::vector<std::string>& names) {
        orc::SymbolLookupSet symbols;
        for (const std::string& name : names) symbols.add(jit_.mangleAndIntern(name));
        require(jit_.getExecutionSession()
                    .lookup({{&dylib_, orc::JITDylibLookupFlags::MatchAllSymbols}}, std::move(symbols))
                    .takeError(),
                "cannot link the kernel");
    }

  private:
    orc::LLJIT& jit_;
    orc::JITDylib& dylib_;
};

// The names of all functions that an object defines for others.
std::vector<std::string> defined_symbols(const llvm::MemoryBufferRef& buffer) {
    const auto file = require(llvm::object::ObjectFile::createObjectFile(buffer), "the kernel's object is malformed");
    std::vector<std::string> names;
    for (const llvm::object::SymbolRef& symbol : file->symbols()) {
        const uint32_t flags = require(symbol.getFlags(), "the kernel's object is malformed");
        const bool defined = (flags & llvm::object::SymbolRef::SF_Undefined) == 0;
        const bool global = (flags & llvm::object::SymbolRef::SF_Global) != 0;
        if (defined && global) names.push_back(require(symbol.getName(), "the kernel's object is malformed").str());
    }
    return names;
}

void define_runtime(orc::LLJIT& jit, orc::JITDylib& dylib) {
    orc::SymbolMap symbols;
    for (const RuntimeSymbol& symbol : runtime_symbols())
        symbols[jit.mangleAndIntern(symbol.name)] = {orc::ExecutorAddr::fromPtr(symbol.address),
                                                     llvm::JITSymbolFlags::Exported};
    require(dylib.define(orc::absoluteSymbols(std::move(symbols))), "cannot define the runtime's symbols");
}

}  // namespace

Loader::Loader() : impl_(std::make_unique<Impl>()) {
    static std::once_flag once;
    std::call_once(once, [] {
        llvm::InitializeNativeTarget();
        llvm::InitializeNativeTargetAsmPrinter();
    });
    impl_->jit = require(orc::LLJITBuilder().create(), "cannot start LLVM's ORC");
    orc::ExecutionSession& session = impl_->jit->getExecutionSession();
    session.setErrorReporter([impl = impl_.get()](llvm::Error error) {
        const std::string text = llvm::toString(std::move(error));
        if (impl->session_error.empty()) impl->session_error = text;
    });
    impl_->runtime = &session.createBareJITDylib("runtime");
    define_runtime(*impl_->jit, *impl_->runtime);
}

Loader::~Loader() = default;

std::unique_ptr<LoadedKernel> Loader::load(const std::string& object) {
    orc::LLJIT& jit = *impl_->jit;
    auto buffer = llvm::MemoryBuffer::getMemBufferCopy(llvm::StringRef(object), "kernel");
    const std::vector<std::string> names = defined_symbols(buffer->getMemBufferRef());
    orc::JITDylib& dylib = jit.getExecutionSession().createBareJITDylib(fmt::format("kernel {}", impl_->loaded++));
    dylib.addToLinkOrder(*impl_->runtime, orc::JITDylibLookupFlags::MatchExportedSymbolsOnly);
    auto kernel = std::make_unique<OrcKernel>(jit, dylib);
    impl_->take_session_error();
    try {
        require(jit.addObjectFile(dylib, std::move(buffer)), "cannot load the kernel");
        kernel->link(names);
    } catch (const Error& error) {
        const std::string reported = impl_->take_session_error();
        throw reported.empty() ? error : run_failed(fmt::format("cannot link the kernel: {}", reported));
    }
    return kernel;
}

namespace {

template <size_t... I>
int call(void* function, const std::vector<void*>& arguments, std::index_sequence<I...>) {
    return std::bit_cast<int (*)(decltype(static_cast<void>(I), static_cast<void*>(nullptr))...)>(function)(
        arguments[I]...);
}

template <size_t Count>
int call_with(void* function, const std::vector<void*>& arguments) {
    if (arguments.size() == Count) return call(function, arguments, std::make_index_sequence<Count>{});
    if constexpr (Count > 0) {
        return call_with<Count - 1>(function, arguments);
    } else {
        throw run_failed("a kernel has at most 16 arguments");
    }
}

}  // namespace

int call_kernel(void* function, const std::vector<void*>& arguments) { return call_with<16>(function, arguments); }

}  // namespace tilesmith
