// Text of LLVM IR; each function is a few branches before a tail call.
#include "export/entry_points.h"

#include <fmt/format.h>

namespace tilesmith {
namespace {

struct Parameter {
    std::string type;  // "ptr", "i64"
    std::string name;
};

// A function under construction: its parameters, then its instructions.
class FunctionText {
  public:
    FunctionText(const std::string& result, const std::string& name, const std::vector<Parameter>& parameters) {
        std::string list;
        for (const Parameter& p : parameters) list += (list.empty() ? "" : ", ") + p.type + " %" + p.name;
        text_ = fmt::format("define {} @{}({}) nounwind {{\nentry:\n", result, name, list);
    }

    void line(const std::string& instruction) { text_ += "  " + instruction + "\n"; }
    void label(const std::string& name) { text_ += name + ":\n"; }

    // Returns `code` unless the CPU is supported; continues otherwise.
    void require_ready(const LibraryNames& names, const std::string& type) {
        line(fmt::format("%ready = call i32 @{}ready()", names.internal));
        line("%unready = icmp ne i32 %ready, 0");
        line("br i1 %unready, label %refuse, label %supported");
        label("refuse");
        line(type == "i32" ? "ret i32 %ready" : fmt::format("ret {} 0", type));
        label("supported");
    }

    // Returns the null pointer's code if one of `pointers` is null; continues otherwise.
    void require_not_null(const std::vector<std::string>& pointers) {
        std::string any = "false";
        for (size_t i = 0; i < pointers.size(); ++i) {
            line(fmt::format("%null{} = icmp eq ptr %{}, null", i, pointers[i]));
            line(fmt::format("%any{} = or i1 {}, %null{}", i, any, i));
            any = fmt::format("%any{}", i);
        }
        line(fmt::format("br i1 {}, label %missing, label %present", any));
        label("missing");
        line(fmt::format("ret i32 {}", kNullPointerCode));
        label("present");
    }

    std::string take() { return std::move(text_) + "}\n\n"; }

  private:
    std::string text_;
};

std::vector<std::string> argument_names(const LibraryKernel& kernel) {
    std::vector<std::string> names;
    for (size_t i = 0; i < kernel.arguments.size(); ++i) names.push_back(argument_name(kernel, i));
    return names;
}

std::vector<Parameter> pointers(const std::vector<std::string>& names) {
    std::vector<Parameter> out;
    out.reserve(names.size());
    for (const std::string& name : names) out.push_back({"ptr", name});
    return out;
}

std::string list_of(const std::vector<Parameter>& parameters, bool with_names) {
    std::string out;
    for (const Parameter& p : parameters) out += (out.empty() ? "" : ", ") + p.type + (with_names ? " %" + p.name : "");
    return out;
}

std::string run_function(const LibraryNames& names, const LibraryKernel& kernel) {
    const std::vector<std::string> arguments = argument_names(kernel);
    FunctionText f("i32", kernel.run, pointers(arguments));
    f.require_ready(names, "i32");
    f.require_not_null(arguments);
    f.line(fmt::format("%code = tail call i32 @{}(ptr null, {})", kernel.object.run_symbol,
                       list_of(pointers(arguments), true)));
    f.line("ret i32 %code");
    return f.take();
}

std::string workspace_functions(const LibraryNames& names, const LibraryKernel& kernel) {
    FunctionText bytes("i64", kernel.workspace_bytes_function, {});
    bytes.line(fmt::format("%bytes = tail call i64 @{}workspace_bytes(i64 {}, i64 {})", names.internal,
                           kernel.object.workspace_bytes, kernel.object.workspace_bytes_per_thread));
    bytes.line("ret i64 %bytes");

    std::vector<std::string> arguments = argument_names(kernel);
    const std::string list = list_of(pointers(arguments), true);
    arguments.emplace_back("workspace");
    std::vector<Parameter> parameters = pointers(arguments);
    parameters.push_back({"i64", "workspace_bytes"});
    FunctionText run("i32", kernel.run_with_workspace, parameters);
    run.require_ready(names, "i32");
    run.require_not_null(arguments);
    run.line(fmt::format("%space = call ptr @{}workspace(ptr %workspace, i64 %workspace_bytes)", names.internal));
    run.line("%small = icmp eq ptr %space, null");
    run.line("br i1 %small, label %full, label %fits");
    run.label("full");
    run.line(fmt::format("ret i32 {}", kOutOfMemoryCode));
    run.label("fits");
    run.line(fmt::format("%code = tail call i32 @{}(ptr %space, {})", kernel.object.run_symbol, list));
    run.line("ret i32 %code");
    return bytes.take() + run.take();
}

std::string packing_functions(const LibraryNames& names, const LibraryKernel& kernel) {
    FunctionText bytes("i64", kernel.packed_bytes_function, {});
    bytes.line(fmt::format("ret i64 {}", kernel.packed_bytes));

    const std::string weight = kernel.arguments[*kernel.packed].name, packed = argument_name(kernel, *kernel.packed);
    FunctionText pack("i32", kernel.pack, pointers({weight, packed}));
    pack.require_ready(names, "i32");
    pack.require_not_null({weight, packed});
    if (kernel.object.pack_symbol.empty()) {  // the kernel takes the weight as it is
        pack.line(fmt::format("call void @llvm.memcpy.p0.p0.i64(ptr %{}, ptr %{}, i64 {}, i1 false)", packed, weight,
                              kernel.packed_bytes));
        pack.line("ret i32 0");
    } else {
        pack.line(fmt::format("%code = tail call i32 @{}(ptr null, ptr %{}, ptr %{})", kernel.object.pack_symbol,
                              weight, packed));
        pack.line("ret i32 %code");
    }
    return bytes.take() + pack.take();
}

// Compares the extents with those of each kernel in turn and calls the function of the one that matches.
std::string choose(const Dispatcher& dispatcher, const std::string& result, const std::string& name,
                   const std::vector<Parameter>& arguments, const std::string& none,
                   const std::string LibraryKernel::*function) {
    const auto extents = extents_of(dispatcher.kernels.front()->entry->problem);
    std::vector<Parameter> parameters;
    parameters.reserve(extents.size() + arguments.size());
    for (const auto& [extent, value] : extents) parameters.push_back({"i64", "extent_" + extent});
    parameters.insert(parameters.end(), arguments.begin(), arguments.end());
    FunctionText f(result, name, parameters);
    f.line("br label %try0");
    for (size_t i = 0; i < dispatcher.kernels.size(); ++i) {
        const LibraryKernel& kernel = *dispatcher.kernels[i];
        f.label(fmt::format("try{}", i));
        std::string all = "true";
        const auto values = extents_of(kernel.entry->problem);
        for (size_t j = 0; j < values.size(); ++j) {
            f.line(fmt::format("%same{}_{} = icmp eq i64 %extent_{}, {}", i, j, values[j].first, values[j].second));
            f.line(fmt::format("%all{}_{} = and i1 {}, %same{}_{}", i, j, all, i, j));
            all = fmt::format("%all{}_{}", i, j);
        }
        f.line(fmt::format("br i1 {}, label %call{}, label %try{}", all, i, i + 1));
        f.label(fmt::format("call{}", i));
        f.line(fmt::format("%result{} = tail call {} @{}({})", i, result, kernel.*function, list_of(arguments, true)));
        f.line(fmt::format("ret {} %result{}", result, i));
    }
    f.label(fmt::format("try{}", dispatcher.kernels.size()));
    f.line(fmt::format("ret {} {}", result, none));
    return f.take();
}

}  // namespace

std::string argument_name(const LibraryKernel& kernel, size_t index) {
    const bool packed = kernel.packed == index;
    return (packed ? "packed_" : "") + kernel.arguments[index].name;
}

std::string entry_points_ir(const LibraryNames& names, const LibraryKernel& kernel) {
    const std::string inputs = list_of(pointers(argument_names(kernel)), false);
    std::string text = fmt::format("declare hidden i32 @{}ready()\ndeclare hidden i32 @{}(ptr, {})\n", names.internal,
                                   kernel.object.run_symbol, inputs);
    text += run_function(names, kernel);
    if (kernel.has_workspace()) {
        text += fmt::format(
            "declare hidden i64 @{0}workspace_bytes(i64, i64)\ndeclare hidden ptr @{0}workspace(ptr, i64)\n",
            names.internal);
        text += workspace_functions(names, kernel);
    }
    if (kernel.packed) {
        if (kernel.object.pack_symbol.empty()) {
            text += "declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)\n";
        } else {
            text += fmt::format("declare hidden i32 @{}(ptr, ptr, ptr)\n", kernel.object.pack_symbol);
        }
        text += packing_functions(names, kernel);
    }
    return text;
}

std::string dispatcher_ir(const LibraryNames&, const Dispatcher& dispatcher) {
    const LibraryKernel& first = *dispatcher.kernels.front();
    const std::vector<Parameter> arguments = pointers(argument_names(first));
    const std::string none = std::to_string(kNoKernelCode);
    std::string text;
    for (const LibraryKernel* kernel : dispatcher.kernels) {
        text += fmt::format("declare i32 @{}({})\n", kernel->run, list_of(arguments, false));
        if (!kernel->packed) continue;
        text +=
            fmt::format("declare i64 @{}()\ndeclare i32 @{}(ptr, ptr)\n", kernel->packed_bytes_function, kernel->pack);
    }
    text += choose(dispatcher, "i32", dispatcher.run, arguments, none, &LibraryKernel::run);
    if (first.packed) {
        text +=
            choose(dispatcher, "i64", dispatcher.packed_bytes_function, {}, "0", &LibraryKernel::packed_bytes_function);
        const std::string weight = first.arguments[*first.packed].name;
        text += choose(dispatcher, "i32", dispatcher.pack, pointers({weight, argument_name(first, *first.packed)}),
                       none, &LibraryKernel::pack);
    }
    return text;
}

std::string constants_ir(const Library& library, const Target& target) {
    std::string features;
    for (const std::string& feature : target.requires_features) features += (features.empty() ? "" : ",") + feature;
    return fmt::format(
        "@{0}features = hidden constant [{1} x i8] c\"{2}\\00\"\n"
        "@{0}threads = hidden constant i32 {3}\n",
        library.names.internal, features.size() + 1, features, library.threads);
}

}  // namespace tilesmith
