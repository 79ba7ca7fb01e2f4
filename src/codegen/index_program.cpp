#include "codegen/index_program.h"

#include <algorithm>

namespace tilesmith {

namespace Ir = Halide::Internal;

IndexProgram::IndexProgram(const Halide::Expr& expr, const std::vector<std::string>& variables) {
    compile(expr, variables);
}

size_t IndexProgram::append(Step step) {
    steps_.push_back(step);
    return steps_.size() - 1;
}

template <class Node>
size_t IndexProgram::binary(Op op, const Halide::Expr& expr, const std::vector<std::string>& variables, bool swap) {
    const auto* node = expr.as<Node>();
    const size_t a = compile(node->a, variables);
    const size_t b = compile(node->b, variables);
    return append({op, swap ? b : a, swap ? a : b, 0, 0});
}

size_t IndexProgram::compile(const Halide::Expr& expr, const std::vector<std::string>& variables) {
    if (const auto number = Ir::as_const_int(expr)) return append({Op::constant, 0, 0, 0, *number});
    if (const auto number = Ir::as_const_uint(expr))
        return append({Op::constant, 0, 0, 0, static_cast<int64_t>(*number)});
    switch (expr->node_type) {
        case Ir::IRNodeType::Variable: {
            const auto found = std::find(variables.begin(), variables.end(), expr.as<Ir::Variable>()->name);
            if (found == variables.end()) break;
            return append({Op::variable, 0, 0, 0, found - variables.begin()});
        }
        case Ir::IRNodeType::Add:
            return binary<Ir::Add>(Op::add, expr, variables);
        case Ir::IRNodeType::Sub:
            return binary<Ir::Sub>(Op::sub, expr, variables);
        case Ir::IRNodeType::Mul:
            return binary<Ir::Mul>(Op::mul, expr, variables);
        case Ir::IRNodeType::Div:
            return binary<Ir::Div>(Op::div, expr, variables);
        case Ir::IRNodeType::Mod:
            return binary<Ir::Mod>(Op::mod, expr, variables);
        case Ir::IRNodeType::Min:
            return binary<Ir::Min>(Op::min, expr, variables);
        case Ir::IRNodeType::Max:
            return binary<Ir::Max>(Op::max, expr, variables);
        case Ir::IRNodeType::EQ:
            return binary<Ir::EQ>(Op::eq, expr, variables);
        case Ir::IRNodeType::LT:
            return binary<Ir::LT>(Op::lt, expr, variables);
        case Ir::IRNodeType::LE:
            return binary<Ir::LE>(Op::le, expr, variables);
        case Ir::IRNodeType::GT:
            return binary<Ir::GT>(Op::lt, expr, variables, true);
        case Ir::IRNodeType::GE:
            return binary<Ir::GE>(Op::le, expr, variables, true);
        case Ir::IRNodeType::And:
            return binary<Ir::And>(Op::both, expr, variables);
        case Ir::IRNodeType::Or:
            return binary<Ir::Or>(Op::either, expr, variables);
        case Ir::IRNodeType::NE: {
            const size_t equal = binary<Ir::NE>(Op::eq, expr, variables);
            return append({Op::negate, equal, 0, 0, 0});
        }
        case Ir::IRNodeType::Not:
            return append({Op::negate, compile(expr.as<Ir::Not>()->a, variables), 0, 0, 0});
        case Ir::IRNodeType::Let: {
            const auto* let = expr.as<Ir::Let>();
            return compile(Ir::substitute(let->name, let->value, let->body), variables);
        }
        case Ir::IRNodeType::Cast:
            return compile(expr.as<Ir::Cast>()->value, variables);
        case Ir::IRNodeType::Select: {
            const auto* select = expr.as<Ir::Select>();
            const size_t condition = compile(select->condition, variables);
            const size_t yes = compile(select->true_value, variables);
            const size_t no = compile(select->false_value, variables);
            return append({Op::select, condition, yes, no, 0});
        }
        case Ir::IRNodeType::Call: {
            const auto* call = expr.as<Ir::Call>();
            const bool same_value =
                call->is_intrinsic({Ir::Call::likely, Ir::Call::likely_if_innermost, Ir::Call::promise_clamped,
                                    Ir::Call::unsafe_promise_clamped, Ir::Call::return_second});
            if (!same_value || call->args.empty()) break;
            return compile(call->is_intrinsic(Ir::Call::return_second) ? call->args.back() : call->args.front(),
                           variables);
        }
        default:
            break;
    }
    return append({});
}

int64_t IndexProgram::apply(const Step& step, const std::vector<int64_t>& done, const std::vector<int64_t>& point) {
    const int64_t a = done[step.a];
    const int64_t b = done[step.b];
    switch (step.op) {
        case Op::constant:
            return step.value;
        case Op::variable:
            return point[static_cast<size_t>(step.value)];
        case Op::add:
            return a + b;
        case Op::sub:
            return a - b;
        case Op::mul:
            return a * b;
        case Op::div:
            return Ir::div_imp(a, b);
        case Op::mod:
            return Ir::mod_imp(a, b);
        case Op::min:
            return std::min(a, b);
        case Op::max:
            return std::max(a, b);
        case Op::eq:
            return a == b ? 1 : 0;
        case Op::lt:
            return a < b ? 1 : 0;
        case Op::le:
            return a <= b ? 1 : 0;
        case Op::both:
            return a != 0 && b != 0 ? 1 : 0;
        case Op::either:
            return a != 0 || b != 0 ? 1 : 0;
        case Op::negate:
            return a == 0 ? 1 : 0;
        case Op::select:
            return a != 0 ? b : done[step.c];
    }
    return 0;
}

int64_t IndexProgram::operator()(const std::vector<int64_t>& point) const {
    static thread_local std::vector<int64_t> done;
    done.assign(steps_.size(), 0);
    for (size_t i = 0; i < steps_.size(); ++i) done[i] = apply(steps_[i], done, point);
    return done.back();
}

bool IndexProgram::uses(size_t index) const {
    return std::any_of(steps_.begin(), steps_.end(), [&](const Step& step) {
        return step.op == Op::variable && static_cast<size_t>(step.value) == index;
    });
}

}  // namespace tilesmith
