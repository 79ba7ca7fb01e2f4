#include "codegen/inspect.h"

#include <llvm/ADT/StringExtras.h>
#include <llvm/Support/Format.h>
#include <llvm/Support/raw_ostream.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "codegen/decoder.h"
#include "codegen/llvm_errors.h"

namespace tilesmith {

namespace {

struct Instruction {
    uint64_t address = 0;
    std::string text;
    std::optional<uint64_t> branch_to;
    bool leaves = false;  // a branch, a call or a return
    bool vector = false;
    bool multiply_add = false;
    bool multiply = false;  // vector, not fused
    bool vector_load = false;
    bool vector_store = false;
};

// By mnemonic: the packed single-precision arithmetic of x86. Loads that are operands of arithmetic count with it.
void classify(const llvm::MCInstrDesc& info, Instruction& instruction) {
    const std::string mnemonic = instruction.text.substr(0, instruction.text.find(' '));
    const auto contains = [&](const char* part) { return mnemonic.find(part) != std::string::npos; };
    const auto names = [&](const char* registers) { return instruction.text.find(registers) != std::string::npos; };
    instruction.leaves = info.isBranch() || info.isCall() || info.isReturn();
    instruction.vector = mnemonic.ends_with("ps") || names("ymm") || names("zmm");
    instruction.multiply_add = contains("fmadd") || contains("fmsub") || contains("fnmadd");
    instruction.multiply = mnemonic == "mulps" || mnemonic == "vmulps";
    const bool moves = contains("mova") || contains("movu") || contains("broadcast");
    instruction.vector_load = moves && info.mayLoad();
    instruction.vector_store = moves && info.mayStore();
}

std::vector<Instruction> decode_all(const Decoder& decoder, llvm::ArrayRef<uint8_t> bytes, uint64_t begin) {
    std::vector<Instruction> result;
    for (uint64_t offset = 0; offset < bytes.size();) {
        const uint64_t address = begin + offset;
        uint64_t size = 0;
        Instruction& described = result.emplace_back(Instruction{address, "(not an instruction)", std::nullopt});
        if (const auto instruction = decoder.decode(bytes.slice(offset), address, size)) {
            described.text = decoder.text(*instruction, address, size);
            described.branch_to = decoder.destination(*instruction, address, size);
            classify(decoder.description(*instruction), described);
        }
        offset += size;
    }
    return result;
}

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

MachineLoop loop_of(const std::vector<Instruction>& code, size_t first, size_t last, const Labels& labels,
                    uint64_t section) {
    MachineLoop loop;
    loop.section = section;
    loop.function = function_at(labels, code[first].address);
    loop.address = code[first].address;
    int multiplications = 0;
    for (size_t i = first; i <= last; ++i) {
        ++loop.instructions;
        loop.multiply_adds += code[i].multiply_add ? 1 : 0;
        multiplications += code[i].multiply ? 1 : 0;
        loop.vector_operations += code[i].vector ? 1 : 0;
        loop.vector_loads += code[i].vector_load ? 1 : 0;
        loop.vector_stores += code[i].vector_store ? 1 : 0;
        loop.lines.push_back(line_text(code[i]));
    }
    if (loop.multiply_adds == 0) loop.multiply_adds = multiplications;
    return loop;
}

// The loops of one section that contain no other loop.
void append_loops(const std::vector<Instruction>& code, const Labels& labels, uint64_t section,
                  std::vector<MachineLoop>& loops) {
    std::map<uint64_t, size_t> index_of;
    for (size_t i = 0; i < code.size(); ++i) index_of[code[i].address] = i;
    size_t last_begin = 0;
    bool any = false;
    // In the order of their ends: a loop is innermost if no loop that ended before it began inside it.
    for (size_t end = 0; end < code.size(); ++end) {
        if (!code[end].branch_to || *code[end].branch_to > code[end].address) continue;
        const auto begin = index_of.find(*code[end].branch_to);
        if (begin == index_of.end() || (any && last_begin >= begin->second)) continue;
        loops.push_back(loop_of(code, begin->second, end, labels, section));
        last_begin = begin->second;
        any = true;
    }
}

bool hotter(const MachineLoop& a, const MachineLoop& b) {
    return std::pair(a.multiply_adds, a.vector_operations) > std::pair(b.multiply_adds, b.vector_operations);
}

// The stretch without a branch that does most; without instructions where there is none.
MachineLoop straight_code(const std::vector<Instruction>& code, const Labels& labels, uint64_t section) {
    MachineLoop best;
    for (size_t first = 0; first < code.size();) {
        size_t last = first;
        while (last + 1 < code.size() && !code[last].leaves && !labels.contains(code[last + 1].address)) ++last;
        const MachineLoop stretch = loop_of(code, first, last, labels, section);
        if (hotter(stretch, best)) best = stretch;
        first = last + 1;
    }
    best.repeats = false;
    return best;
}

constexpr const char* kNoSymbol = "cannot read a symbol";

Labels labels_of(const llvm::object::ObjectFile& file, const llvm::object::SectionRef& section) {
    Labels labels;
    for (const llvm::object::SymbolRef& symbol : file.symbols()) {
        if (require(symbol.getType(), kNoSymbol) != llvm::object::SymbolRef::ST_Function) continue;
        if (require(symbol.getSection(), kNoSymbol) != llvm::object::section_iterator(section)) continue;
        labels.emplace(require(symbol.getAddress(), kNoSymbol), require(symbol.getName(), kNoSymbol).str());
    }
    return labels;
}

}  // namespace

MachineCode disassemble(const std::string& object, const std::string& llvm_cpu) {
    const auto file = object_file(object);
    const Decoder decoder(file->makeTriple(), llvm_cpu);
    MachineCode result;
    MachineLoop straight;
    for (const llvm::object::SectionRef& section : file->sections()) {
        if (!section.isText() || section.getSize() == 0) continue;
        const llvm::StringRef bytes = require(section.getContents(), "cannot read a section");
        const Labels labels = labels_of(*file, section);
        const std::vector<Instruction> code =
            decode_all(decoder, llvm::arrayRefFromStringRef(bytes), section.getAddress());
        for (const Instruction& instruction : code) {
            const auto [begin, end] = labels.equal_range(instruction.address);
            for (auto label = begin; label != end; ++label) result.text += label->second + ":\n";
            result.text += "  " + line_text(instruction) + "\n";
        }
        append_loops(code, labels, section.getIndex(), result.loops);
        if (const MachineLoop stretch = straight_code(code, labels, section.getIndex()); hotter(stretch, straight))
            straight = stretch;
    }
    std::stable_sort(result.loops.begin(), result.loops.end(), hotter);
    const bool loops_over_vectors = !result.loops.empty() && result.loops.front().vector_operations > 0;
    if (!loops_over_vectors && straight.vector_operations > 0) result.loops.insert(result.loops.begin(), straight);
    return result;
}

}  // namespace tilesmith
