// From selections to a library that has been checked: compile, give everything its final name, write, link, check, move
// into place.
#include "export/export.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "codegen/host.h"
#include "core/child.h"
#include "core/error.h"
#include "export/embedded.h"
#include "export/entry_points.h"
#include "export/header.h"
#include "export/kernel.h"
#include "export/manifest.h"
#include "export/packages.h"
#include "export/staging.h"

namespace tilesmith {
namespace {

// The naive reference does at least this many operations a second, and each function is called a few times.
constexpr double kReferenceFlops = 1e8;
constexpr double kCheckSeconds = 60;

constexpr std::string_view kRuntime = "tilesmith_rt_";  // what its names begin with

void tell(const ExportRequest& request, const std::string& step, size_t done, size_t total) {
    if (request.progress) request.progress(step, done, total);
}

void check_request(const ExportRequest& request) {
    if (request.entries.empty()) throw bad_input("there is nothing to export", "tune a problem first");
    const std::vector<std::string> missing = missing_features(request.target, host().features);
    if (!missing.empty()) {
        throw bad_input(
            fmt::format("this host cannot run code for {}: it lacks {}", request.target.name, missing.front()),
            "export on a machine that can, because every function is called before the export succeeds");
    }
}

// The entries by name, each once however often it is listed.
std::vector<const ExportEntry*> distinct_entries(const ExportRequest& request) {
    std::vector<const ExportEntry*> entries;
    std::map<std::string, const ExportEntry*> names;
    for (const ExportEntry& entry : request.entries) {
        const auto [place, fresh] = names.emplace(kernel_name(entry.problem), &entry);
        if (fresh) {
            entries.push_back(&entry);
        } else if (!(entry.conditions == place->second->conditions && entry.schedule == place->second->schedule)) {
            throw bad_input(fmt::format("'{}' is exported twice ({} and {})", entry.problem.text(),
                                        place->second->conditions.text(), entry.conditions.text()),
                            "choose one of them, with --threads or with a file of problems");
        }
    }
    return entries;
}

CompileResult compile_entry(const ExportRequest& request, const ExportEntry& entry, const std::string& symbol) {
    if (request.compile) return request.compile(entry, symbol);
    return compile(entry.problem, entry.schedule, request.target, entry.conditions, Checks::assertions, symbol);
}

// Gives every symbol of a kernel's object its final name: its own ones are made unique, the run time's are the
// library's.
void rename_kernel(const LibraryNames& names, const std::string& symbol, KernelObject& object) {
    std::map<std::string, std::string> renamed;
    const SymbolTable table = symbols_of(object.object);
    for (const std::string& own : table.defined) {
        if (!own.starts_with(symbol)) renamed[own] = fmt::format("{}_{}", symbol, own);
    }
    for (const std::string& outer : table.undefined) {
        if (outer.starts_with("halide_")) renamed[outer] = names.internal + outer;
        if (outer.starts_with(kRuntime)) renamed[outer] = names.internal + outer.substr(kRuntime.size());
    }
    object.object = rename_symbols(object.object, renamed, {});
}

LibraryKernel make_kernel(const ExportRequest& request, const LibraryNames& names, const ExportEntry& entry) {
    LibraryKernel kernel;
    kernel.entry = &entry;
    kernel.arguments = operator_of(entry.problem).arguments(entry.problem);
    kernel.name = names.prefix + kernel_name(entry.problem);
    kernel.run = kernel.name;
    const std::string symbol = names.internal + "k_" + kernel_name(entry.problem);
    CompileResult compiled = compile_entry(request, entry, symbol);
    if (!compiled.outcome.ok()) {
        throw negative_answer(fmt::format("'{}' does not compile: {}", entry.problem.text(), compiled.outcome.reason));
    }
    kernel.object = std::move(*compiled.kernel);
    rename_kernel(names, symbol, kernel.object);
    kernel.code = code_of(kernel.object.object);
    if (entry.problem.weights() == Weights::fixed) {
        const auto weight = std::find_if(kernel.arguments.begin(), kernel.arguments.end(),
                                         [](const Argument& argument) { return argument.role == Role::weight; });
        if (weight == kernel.arguments.end()) throw run_failed(entry.problem.op() + " has no weight to pack");
        kernel.packed = static_cast<size_t>(weight - kernel.arguments.begin());
        kernel.packed_bytes = kernel.object.pack_symbol.empty() ? weight->bytes() : kernel.object.packed_bytes;
        kernel.run = kernel.name + "_packed";
        kernel.packed_bytes_function = kernel.name + "_packed_" + weight->name + "_bytes";
        kernel.pack = kernel.name + "_pack_" + weight->name;
    }
    if (kernel.has_workspace()) {
        kernel.workspace_bytes_function = kernel.run + "_workspace_bytes";
        kernel.run_with_workspace = kernel.run + "_with_workspace";
    }
    return kernel;
}

std::vector<Dispatcher> make_dispatchers(const Library& library) {
    std::vector<Dispatcher> dispatchers;
    for (const LibraryKernel& kernel : library.kernels) {
        const std::string name = library.names.prefix + family_name(kernel.entry->problem);
        auto place =
            std::find_if(dispatchers.begin(), dispatchers.end(), [&](const Dispatcher& d) { return d.name == name; });
        if (place == dispatchers.end()) {
            Dispatcher dispatcher{name, {}, name, "", ""};
            if (kernel.packed) {
                const std::string& weight = kernel.arguments[*kernel.packed].name;
                dispatcher.run = name + "_packed";
                dispatcher.packed_bytes_function = fmt::format("{}_packed_{}_bytes", name, weight);
                dispatcher.pack = fmt::format("{}_pack_{}", name, weight);
            }
            place = dispatchers.insert(dispatchers.end(), std::move(dispatcher));
        }
        place->kernels.push_back(&kernel);
    }
    return dispatchers;
}

// The embedded objects under the library's names.
std::vector<ArchiveMember> common_members(const LibraryNames& names) {
    std::vector<ArchiveMember> members = embedded_objects();
    for (ArchiveMember& member : members) {
        std::map<std::string, std::string> renamed;
        std::set<std::string> visible;
        const SymbolTable table = symbols_of(member.object);
        std::set<std::string> symbols = table.defined;
        symbols.insert(table.undefined.begin(), table.undefined.end());
        for (const std::string& symbol : symbols) {
            const auto after = [&](std::string_view beginning) { return symbol.substr(beginning.size()); };
            if (symbol.starts_with("tilesmith_public_")) {
                visible.insert(renamed[symbol] = names.prefix + after("tilesmith_public_"));
            } else if (symbol.starts_with("tilesmith_support_")) {
                renamed[symbol] = names.internal + after("tilesmith_support_");
            } else if (symbol.starts_with(kRuntime)) {
                renamed[symbol] = names.internal + after(kRuntime);
            } else if (symbol.starts_with("halide_")) {
                renamed[symbol] = names.internal + symbol;
            }
        }
        member.object = rename_symbols(member.object, renamed, visible);
    }
    return members;
}

std::string archive_of(const Library& library, const Target& target) {
    std::vector<ArchiveMember> members = common_members(library.names);
    members.push_back({"target.o", compile_ir(constants_ir(library, target))});
    for (const LibraryKernel& kernel : library.kernels) {
        members.push_back({kernel.name + ".o", compile_ir(entry_points_ir(library.names, kernel))});
        members.push_back({kernel.name + "_code.o", kernel.object.object});
    }
    for (const Dispatcher& dispatcher : library.dispatchers) {
        members.push_back({dispatcher.name + ".o", compile_ir(dispatcher_ir(library.names, dispatcher))});
    }
    return make_archive(members);
}

// Runs the check of the linked library in a child; returns how many functions it called.
int verify(const ExportRequest& request, const Library& library, const std::string& shared,
           const std::string& manifest) {
    double flops = 0;
    for (const LibraryKernel& kernel : library.kernels)
        flops += operator_of(kernel.entry->problem).flops(kernel.entry->problem);
    std::vector<std::string> words = request.verifier;
    words.insert(words.end(), {"verify-library", shared, manifest});
    const ChildResult child = run_child(words, kCheckSeconds + flops / kReferenceFlops);

    std::string last, error;
    int functions = 0;
    for (size_t begin = 0; begin < child.output.size();) {
        const size_t end = std::min(child.output.find('\n', begin), child.output.size());
        const auto line = nlohmann::json::parse(child.output.substr(begin, end - begin), nullptr, false);
        if (line.is_object()) {
            last = line.value("checking", last);
            error = line.value("error", error);
            functions = line.value("functions", functions);
        }
        begin = end + 1;
    }
    if (child.timed_out) throw negative_answer(last + " does not end");
    if (child.signal != 0) throw negative_answer(fmt::format("{} crashed (signal {})", last, child.signal));
    if (child.exit_status == 1) throw negative_answer(error);
    if (child.exit_status != 0 || functions == 0) {
        throw run_failed("the check of the library failed" + (error.empty() ? "" : ": " + error));
    }
    return functions;
}

std::vector<std::string> files_in(const std::string& folder) {
    std::vector<std::string> files;
    for (const auto& item : std::filesystem::recursive_directory_iterator(folder)) {
        if (item.is_regular_file()) files.push_back(std::filesystem::relative(item.path(), folder).string());
    }
    std::sort(files.begin(), files.end());
    return files;
}

Library make_library(const ExportRequest& request, const LibraryNames& names,
                     const std::vector<const ExportEntry*>& entries) {
    Library library{names, {}, {}, 1};
    for (const ExportEntry* entry : entries) {
        tell(request, "compiling", library.kernels.size(), entries.size());
        library.kernels.push_back(make_kernel(request, names, *entry));
        library.threads = std::max(library.threads, entry->conditions.threads);
    }
    tell(request, "compiling", entries.size(), entries.size());
    library.dispatchers = make_dispatchers(library);
    return library;
}

void write_texts(const Staging& staging, const ExportRequest& request, const Library& library) {
    const LibraryNames& names = library.names;
    staging.write("include/" + names.library + ".h", header_text(library, request.target));
    staging.write("manifest.json", manifest_json(library, request).dump(2) + "\n");
    const PackageFile notice = notice_file(names, program_version(), request.toolchain.text);
    staging.write(notice.path, notice.content);
    for (const PackageFile& file : package_files(names, program_version(), request.shared)) {
        staging.write(file.path, file.content);
    }
}

}  // namespace

ExportReport export_library(const ExportRequest& request) {
    const LibraryNames names = library_names(request.name);
    check_request(request);
    const std::vector<const ExportEntry*> entries = distinct_entries(request);
    Staging staging(request.output);
    const Library library = make_library(request, names, entries);

    tell(request, "linking", 0, 1);
    const std::string archive = archive_of(library, request.target);
    const std::string stem = staging.folder() + "/lib/lib" + names.library;
    staging.write("lib/lib" + names.library + ".a", archive);
    link_shared(stem + ".a", "lib" + names.library + ".so", stem + ".so");
    write_texts(staging, request, library);

    tell(request, "checking", 0, 1);
    ExportReport report;
    report.functions_checked = verify(request, library, stem + ".so", staging.folder() + "/manifest.json");
    if (!request.shared) std::filesystem::remove(stem + ".so");
    report.output = request.output;
    report.files = files_in(staging.folder());
    report.library_bytes = static_cast<int64_t>(archive.size());
    for (const LibraryKernel& kernel : library.kernels) {
        report.kernels.push_back({kernel.run, kernel.entry->problem.text(), kernel.entry->tier, kernel.code.bytes});
    }
    staging.commit();
    return report;
}

}  // namespace tilesmith
