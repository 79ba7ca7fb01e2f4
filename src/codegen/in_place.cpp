#include "codegen/in_place.h"

#include <map>
#include <string>

#include "codegen/stage_domain.h"

namespace tilesmith {

namespace {

namespace Ir = Halide::Internal;
using Halide::Expr;

// The arguments of every read of one input, which expressions call through a Func of Halide's that does nothing else.
class CallsOf : public Ir::IRVisitor {
  public:
    explicit CallsOf(const Halide::ImageParam& input) : name_(Halide::Func(input).name()) {}
    std::vector<std::vector<Expr>> calls;

  private:
    using Ir::IRVisitor::visit;
    void visit(const Ir::Call* call) override {
        if (call->name == name_) calls.push_back(call->args);
        Ir::IRVisitor::visit(call);
    }
    std::string name_;
};

// Where an element lies in a dense buffer.
Expr place(const std::vector<Expr>& at, const std::vector<int64_t>& extents) {
    Expr sum = 0;
    int64_t stride = 1;
    for (size_t i = 0; i < at.size(); ++i) {
        sum += at[i] * static_cast<int>(stride);
        stride *= extents[i];
    }
    return sum;
}

bool computes_each_element_once(const Ir::Function& output, const std::vector<int64_t>& extents) {
    if (output.has_extern_definition() || output.has_update_definition()) return false;
    if (!output.definition().specializations().empty()) return false;
    return !StageDomain(output, output.definition(), extents).repeats();
}

}  // namespace

std::vector<size_t> in_place_inputs(const Stage& stage) {
    const Ir::Function output = stage.output.function();
    if (!computes_each_element_once(output, stage.output_extents)) return {};
    std::vector<Expr> position;
    std::map<std::string, Expr> only;  // what variables of one value are
    for (size_t i = 0; i < output.args().size(); ++i) {
        position.push_back(Ir::Variable::make(Halide::Int(32), output.args()[i]));
        if (stage.output_extents[i] == 1) only[output.args()[i]] = 0;
    }
    const Expr written = place(position, stage.output_extents);
    const std::map<std::string, Ir::Function> functions = Ir::find_transitive_calls(output);

    std::vector<size_t> found;
    for (size_t i = 0; i < stage.inputs.size(); ++i) {
        if (elements_of(stage.input_extents[i]) != elements_of(stage.output_extents)) continue;
        CallsOf elsewhere(stage.inputs[i]);
        for (const auto& [name, function] : functions)
            if (name != output.name()) function.accept(&elsewhere);
        CallsOf here(stage.inputs[i]);
        output.accept(&here);
        bool in_place = elsewhere.calls.empty();
        for (const std::vector<Expr>& at : here.calls)
            in_place = in_place && Ir::can_prove(Ir::substitute(only, place(at, stage.input_extents[i]) == written));
        if (in_place) found.push_back(i);
    }
    return found;
}

}  // namespace tilesmith
