#include "codegen/lowering.h"

#include <algorithm>
#include <sstream>
#include <utility>
#include <vector>

#include "codegen/let_visitor.h"
#include "codegen/prefetch.h"
#include "codegen/streaming_stores.h"
#include "core/error.h"
#include "runtime/tilesmith_runtime.h"

namespace tilesmith {

namespace {

using Halide::Argument;
using Halide::Expr;
using Halide::Handle;
namespace Ir = Halide::Internal;

constexpr const char* kWorkspace = "__user_context";

std::vector<int64_t> dense_strides(const std::vector<int64_t>& extents) {
    std::vector<int64_t> strides;
    int64_t stride = 1;
    for (const int64_t extent : extents) {
        strides.push_back(stride);
        stride *= extent;
    }
    return strides;
}

void declare(Halide::OutputImageParam parameter, const std::vector<int64_t>& extents) {
    const std::vector<int64_t> strides = dense_strides(extents);
    for (size_t d = 0; d < extents.size(); ++d)
        parameter.dim(static_cast<int>(d))
            .set_bounds(0, static_cast<int>(extents[d]))
            .set_stride(static_cast<int>(strides[d]));
}

// A halide_buffer_t around the raw pointer argument `name`.
Expr buffer_around(const std::string& name, const Halide::Type& type, const std::vector<int64_t>& extents) {
    Ir::BufferBuilder builder;
    builder.host = Ir::Variable::make(Handle(), name);
    builder.type = type;
    builder.dimensions = static_cast<int>(extents.size());
    const std::vector<int64_t> strides = dense_strides(extents);
    for (size_t d = 0; d < extents.size(); ++d) {
        builder.mins.emplace_back(0);
        builder.extents.emplace_back(static_cast<int>(extents[d]));
        builder.strides.emplace_back(static_cast<int>(strides[d]));
    }
    return builder.build();
}

// int symbol(void* workspace, const void* input..., void* output): makes the buffers and returns what `callee` returns.
Ir::LoweredFunc raw_pointer_function(const std::string& symbol, const std::string& callee, const Stage& stage) {
    std::vector<Ir::LoweredArgument> arguments;
    const auto add_pointer = [&arguments](const std::string& name) {
        arguments.emplace_back(Argument(name, Argument::InputScalar, Handle(1), 0, {}));
    };
    add_pointer(kWorkspace);
    std::vector<Expr> call_arguments{Ir::Variable::make(Handle(), kWorkspace)};
    for (size_t i = 0; i < stage.inputs.size(); ++i) {
        const std::string name = "input_" + std::to_string(i);
        add_pointer(name);
        call_arguments.push_back(buffer_around(name, stage.inputs[i].type(), stage.input_extents[i]));
    }
    add_pointer("output");
    call_arguments.push_back(buffer_around("output", stage.output.type(), stage.output_extents));

    const Expr call = Ir::Call::make(Halide::Int(32), callee, call_arguments, Ir::Call::Extern);
    const std::string code = Ir::unique_name("code");
    const Expr returned = Ir::Variable::make(Halide::Int(32), code);
    // A failing assertion returns its message where that is a number: the way Halide itself hands codes on.
    const Ir::Stmt body = Ir::LetStmt::make(code, call, Ir::AssertStmt::make(returned == 0, returned));
    return {symbol, arguments, body, Halide::LinkageType::External, Halide::NameMangling::C};
}

class RemoveAssertions : public Ir::IRMutator {
    using Ir::IRMutator::visit;
    Ir::Stmt visit(const Ir::AssertStmt*) override { return Ir::Evaluate::make(0); }
};

// The assertion that Halide leaves where the region a kernel needs is larger than the extents declared for a buffer;
// where it is not, simplification removes it. Its arguments: buffer, dimension, declared min and max, needed min and
// max.
class FindViolation : public Ir::IRVisitor {
  public:
    std::optional<std::string> found;

  private:
    using Ir::IRVisitor::visit;
    void visit(const Ir::AssertStmt* assertion) override {
        const auto* error = assertion->message.as<Ir::Call>();
        if (found || error == nullptr || error->name != "halide_error_constraints_make_required_region_smaller") return;
        std::ostringstream text;
        text << error->args.at(0) << ", dimension " << error->args.at(1) << ": elements " << error->args.at(4) << " to "
             << error->args.at(5) << " are touched, but it has only " << error->args.at(2) << " to "
             << error->args.at(3);
        found = text.str();
    }
};

bool constant_size(const Ir::Allocate* allocation) {
    return std::all_of(allocation->extents.begin(), allocation->extents.end(),
                       [](const Expr& extent) { return Ir::as_const_int(extent).has_value(); });
}

class SumAllocations : public LetVisitor {
  public:
    int64_t bytes = 0;

  private:
    using LetVisitor::visit;

    void visit(const Ir::For* loop) override {
        loops_.push_back(loop);
        Ir::IRVisitor::visit(loop);
        loops_.pop_back();
    }

    void visit(const Ir::Allocate* allocation) override {
        Ir::IRVisitor::visit(allocation);
        if (allocation->memory_type == Halide::MemoryType::Register) return;
        const bool constant = constant_size(allocation);
        const int64_t elements = constant
                                     ? Ir::Allocate::constant_allocation_size(allocation->extents, allocation->name)
                                     : most_elements(allocation);
        const int64_t size = (elements + allocation->padding) * allocation->type.bytes();
        const bool on_stack =
            constant && elements > 0 &&
            (allocation->memory_type == Halide::MemoryType::Stack || Ir::can_allocation_fit_on_stack(size));
        if (!on_stack) bytes += size + TILESMITH_RT_BLOCK_OVERHEAD_BYTES;
    }

    // The largest that an allocation of varying size gets, as where it holds a tile that may be cut off at an edge.
    [[nodiscard]] int64_t most_elements(const Ir::Allocate* allocation) const {
        Ir::Scope<Ir::Interval> scope;
        for (const Ir::For* loop : loops_) {
            const Ir::Interval first = Ir::find_constant_bounds(without_lets(loop->min), scope);
            const Ir::Interval last = Ir::find_constant_bounds(without_lets(loop->min + loop->extent - 1), scope);
            scope.push(loop->name, Ir::Interval(first.min, last.max));
        }
        int64_t elements = 1;
        for (const Expr& extent : allocation->extents) {
            const Expr bound = Ir::find_constant_bound(without_lets(extent), Ir::Direction::Upper, scope);
            const auto most = bound.defined() ? Ir::as_const_int(bound) : std::nullopt;
            if (!most) throw run_failed("nothing bounds the size of the allocation '" + allocation->name + "'");
            elements *= std::max<int64_t>(*most, 0);
        }
        return elements;
    }

    std::vector<const Ir::For*> loops_;
};

}  // namespace

Halide::Target halide_target(const Target& target) {
    return Halide::Target(target.halide)
        .with_feature(Halide::Target::NoRuntime)
        .with_feature(Halide::Target::NoBoundsQuery)
        .with_feature(Halide::Target::UserContext);
}

void declare_buffers(const Stage& stage) {
    for (size_t i = 0; i < stage.inputs.size(); ++i) declare(stage.inputs[i], stage.input_extents[i]);
    Halide::Func output = stage.output;
    declare(output.output_buffer(), stage.output_extents);
}

void append_stage(Halide::Module& module, const Stage& stage, const std::string& symbol) {
    declare_buffers(stage);
    const std::string internal = symbol + "_buffers";
    const std::vector<Argument> arguments(stage.inputs.begin(), stage.inputs.end());
    const Halide::Module lowered =
        Halide::Pipeline(stage.output)
            .compile_to_module(arguments, internal, module.target(), Halide::LinkageType::Internal);
    for (Ir::LoweredFunc function : lowered.functions()) {
        function.body = with_streaming_stores(with_prefetches(function.body, stage), stage);
        module.append(function);
    }
    for (const auto& buffer : lowered.buffers()) module.append(buffer);
    module.append(raw_pointer_function(symbol, internal, stage));
}

std::optional<std::string> known_violation(const Halide::Module& module) {
    FindViolation find;
    for (const Ir::LoweredFunc& function : module.functions()) function.body.accept(&find);
    return find.found;
}

Halide::Module without_assertions(const Halide::Module& module) {
    Halide::Module result(module.name(), module.target().with_feature(Halide::Target::NoAsserts));
    RemoveAssertions remove;
    for (Ir::LoweredFunc function : module.functions()) {
        function.body = remove.mutate(function.body);
        result.append(function);
    }
    for (const auto& buffer : module.buffers()) result.append(buffer);
    return result;
}

HeapUse heap_use(const Halide::Module& module) {
    HeapUse use;
    for (const Ir::LoweredFunc& function : module.functions()) {
        SumAllocations sum;
        function.body.accept(&sum);
        // Halide lifts the body of a parallel loop into a function of its own, named after the loop.
        const bool in_parallel_loop = function.name.find("par_for") != std::string::npos;
        (in_parallel_loop ? use.per_thread : use.once) += sum.bytes;
    }
    return use;
}

}  // namespace tilesmith
