#include "codegen/loop_nest.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "codegen/index_program.h"
#include "codegen/stage_domain.h"

namespace tilesmith {

namespace {

namespace Ir = Halide::Internal;
using Halide::Expr;

using Point = std::vector<int64_t>;

struct BufferCall {
    std::string name;
    std::vector<Expr> at;
};

// Replaces calls of inlined Funcs by what they compute.
class Inline : public Ir::IRMutator {
  public:
    explicit Inline(const std::map<std::string, Ir::Function>& inlined) : inlined_(inlined) {}

  private:
    using Ir::IRMutator::visit;
    Expr visit(const Ir::Call* call) override {
        const Expr mutated = Ir::IRMutator::visit(call);
        const auto found = inlined_.find(call->name);
        if (found == inlined_.end()) return mutated;
        std::map<std::string, Expr> arguments;
        for (size_t i = 0; i < found->second.args().size(); ++i)
            arguments[found->second.args()[i]] = mutated.as<Ir::Call>()->args[i];
        const auto value = static_cast<size_t>(call->value_index);
        return mutate(Ir::substitute(arguments, found->second.values()[value]));
    }
    const std::map<std::string, Ir::Function>& inlined_;
};

// The buffers that an expression reads and the floating-point operations that it does.
class Contents : public Ir::IRVisitor {
  public:
    std::vector<BufferCall> calls;
    double flops = 0;

  private:
    using Ir::IRVisitor::visit;
    static constexpr double kFunctionFlops = 20;  // erf, exp, ...
    template <class Node>
    void operation(const Node* node) {
        if (node->type.is_float()) flops += 1;
        Ir::IRVisitor::visit(node);
    }
    void visit(const Ir::Add* node) override { operation(node); }
    void visit(const Ir::Sub* node) override { operation(node); }
    void visit(const Ir::Mul* node) override { operation(node); }
    void visit(const Ir::Div* node) override { operation(node); }
    void visit(const Ir::Min* node) override { operation(node); }
    void visit(const Ir::Max* node) override { operation(node); }
    void visit(const Ir::Call* call) override {
        if (call->call_type == Ir::Call::Halide || call->call_type == Ir::Call::Image) {
            calls.push_back({call->name, {}});
            for (const Expr& index : call->args) calls.back().at.push_back(Ir::substitute(lets_, index));
        } else if (call->type.is_float() && !call->is_intrinsic()) {
            flops += kFunctionFlops;
        }
        Ir::IRVisitor::visit(call);
    }
    // Halide names subexpressions that occur several times.
    void visit(const Ir::Let* let) override {
        if (!let->value.type().is_float()) lets_[let->name] = Ir::substitute(lets_, let->value);
        Ir::IRVisitor::visit(let);
    }
    std::map<std::string, Expr> lets_;
};

LoopKind kind_of(Ir::ForType type) {
    switch (type) {
        case Ir::ForType::Parallel:
            return LoopKind::parallel;
        case Ir::ForType::Vectorized:
            return LoopKind::vectorized;
        case Ir::ForType::Unrolled:
            return LoopKind::unrolled;
        default:
            return LoopKind::serial;
    }
}

// What is read of one stage beside its NestStage.
struct Reading {
    std::string function;
    StageDomain domain;
    std::vector<size_t> loops;         // as NestStage::loops
    size_t outer_loops;                // how many of them are around the Func
    std::vector<BufferCall> accesses;  // the store first
    std::vector<Expr> conditions;
};

// A call of a Func, seen from the stage that calls.
struct CallSite {
    size_t reading;
    std::vector<IndexProgram> at;
};

struct Level {
    std::vector<size_t> loops;  // around the Func
    Point extents;              // of the region computed there at once
};

class Reader {
  public:
    explicit Reader(const Stage& stage) : stage_(stage) {}
    LoopNest read();

  private:
    void add_inputs();
    void read_function(const Ir::Function& function);
    void read_stage(const Ir::Function& function, const Level& level, const Ir::Definition& definition, size_t number);
    void add_accesses(size_t place);
    [[nodiscard]] Level level_of(const Ir::Function& function) const;
    [[nodiscard]] std::vector<size_t> loops_around(const Halide::LoopLevel& level) const;
    [[nodiscard]] Point inferred_extents(const std::string& name, const std::vector<size_t>& around) const;
    [[nodiscard]] double fraction(const Reading& reading) const;
    [[nodiscard]] double fraction_where(const std::vector<IndexProgram>& conditions,
                                        const std::vector<size_t>& variables, const Point& least,
                                        const Point& most) const;
    [[nodiscard]] std::vector<Point> corners(const Reading& reading, const std::vector<size_t>& fixed_loops) const;
    [[nodiscard]] Point variables_at(const Reading& reading, const Point& loop_values, bool clamp) const;
    [[nodiscard]] Point origin(const std::string& function, const Point& loop_values, bool clamp) const;
    [[nodiscard]] size_t buffer_named(const std::string& name) const;

    const Stage& stage_;
    LoopNest nest_;
    std::map<std::string, Ir::Function> environment_, inlined_;
    std::map<std::string, Level> levels_;  // of Funcs and inputs
    std::vector<Reading> readings_;        // one a stage, as nest_.stages
    std::map<std::string, std::vector<CallSite>> call_sites_;
};

LoopNest Reader::read() {
    const Ir::Function output = stage_.output.function();
    environment_ = Ir::wrap_func_calls(Ir::build_environment({output}));
    for (auto& [name, function] : environment_) {
        function.lock_loop_levels();
        if (name != output.name() && function.schedule().compute_level().is_inlined()) inlined_.emplace(name, function);
    }
    for (const Prefetch& prefetch : stage_.prefetches)
        (std::holds_alternative<OutputPrefetch>(prefetch) ? nest_.prefetches_output : nest_.prefetches_panel) = true;
    nest_.streams_output = stage_.stream_output;
    add_inputs();
    const std::vector<std::string> order = Ir::realization_order({output}, environment_).first;
    for (auto name = order.rbegin(); name != order.rend(); ++name)
        if (!inlined_.contains(*name)) read_function(environment_.at(*name));
    for (size_t place = 0; place < readings_.size(); ++place) {
        add_accesses(place);
        nest_.stages[place].fraction = fraction(readings_[place]);
    }
    return std::move(nest_);
}

void Reader::add_inputs() {
    for (size_t i = 0; i < stage_.inputs.size(); ++i) {
        NestBuffer buffer{
            stage_.inputs[i].name(), stage_.inputs[i].type().bytes(), elements_of(stage_.input_extents[i]), false, {}};
        levels_[buffer.name] = {{}, stage_.input_extents[i]};
        nest_.buffers.push_back(std::move(buffer));
    }
}

void Reader::read_function(const Ir::Function& function) {
    const bool is_output = function.name() == stage_.output.name();
    if (!is_output && !call_sites_.contains(function.name())) return;  // hidden behind wrappers
    const Level level = level_of(function);
    nest_.buffers.push_back({function.name(), function.output_types().front().bytes(), elements_of(level.extents),
                             !is_output, level.loops});
    levels_[function.name()] = level;
    read_stage(function, level, function.definition(), 0);
    for (size_t i = 0; i < function.updates().size(); ++i) read_stage(function, level, function.updates()[i], i + 1);
}

Level Reader::level_of(const Ir::Function& function) const {
    if (function.name() == stage_.output.name()) return {{}, stage_.output_extents};
    Level level{loops_around(function.schedule().compute_level()), {}};
    level.extents = inferred_extents(function.name(), level.loops);
    for (const Ir::Bound& bound : function.schedule().bounds()) {
        const auto argument = std::find(function.args().begin(), function.args().end(), bound.var);
        const auto extent = Ir::as_const_int(bound.extent);
        if (argument != function.args().end() && extent)
            level.extents[static_cast<size_t>(argument - function.args().begin())] = *extent;
    }
    return level;
}

std::vector<size_t> Reader::loops_around(const Halide::LoopLevel& level) const {
    if (level.is_root()) return {};
    // Later stages first: an update has the loops that matter where several stages have the variable.
    for (size_t i = readings_.size(); i-- > 0;) {
        if (readings_[i].function != level.func()) continue;
        const std::string suffix =
            "." + level.var().name();  // a loop's name begins with the variables it was split from
        const std::vector<size_t>& loops = readings_[i].loops;
        const auto own = loops.begin() + static_cast<std::ptrdiff_t>(readings_[i].outer_loops);
        const auto found =
            std::find_if(own, loops.end(), [&](size_t loop) { return nest_.loops[loop].name.ends_with(suffix); });
        if (found != loops.end()) return {loops.begin(), found + 1};
    }
    return {};
}

// Iterations at the ends of the loops of `reading`, those of `fixed_loops` at their first.
std::vector<Point> Reader::corners(const Reading& reading, const std::vector<size_t>& fixed_loops) const {
    std::vector<Point> points{Point(nest_.loops.size(), 0)};
    Point all_last(nest_.loops.size(), 0);
    for (const size_t loop : reading.loops) {
        if (std::find(fixed_loops.begin(), fixed_loops.end(), loop) != fixed_loops.end()) continue;
        all_last[loop] = nest_.loops[loop].extent - 1;
        points.emplace_back(nest_.loops.size(), 0);
        points.back()[loop] = all_last[loop];
    }
    points.push_back(std::move(all_last));
    return points;
}

// What the callers of `name` ask for in one iteration of the loops `around`: from the corners of what they compute.
Point Reader::inferred_extents(const std::string& name, const std::vector<size_t>& around) const {
    Point least, most;
    for (const CallSite& site : call_sites_.at(name)) {
        least.resize(site.at.size(), INT64_MAX);
        most.resize(site.at.size(), INT64_MIN);
        for (const Point& corner : corners(readings_[site.reading], around)) {
            const Point variables = variables_at(readings_[site.reading], corner, true);
            for (size_t i = 0; i < site.at.size(); ++i) {
                const int64_t value = site.at[i](variables);
                least[i] = std::min(least[i], value);
                most[i] = std::max(most[i], value);
            }
        }
    }
    for (size_t i = 0; i < least.size(); ++i) most[i] -= least[i] - 1;
    return most;
}

void Reader::read_stage(const Ir::Function& function, const Level& level, const Ir::Definition& definition,
                        size_t number) {
    Reading reading{
        function.name(), StageDomain(function, definition, level.extents), level.loops, level.loops.size(), {}, {}};
    NestStage nest_stage;
    nest_stage.name = function.name() + "." + std::to_string(number);
    for (const StageDomain::DomainLoop& loop : reading.domain.loops()) {
        reading.loops.push_back(nest_.loops.size());
        nest_.loops.push_back(
            {nest_stage.name + "." + loop.name, loop.range.extent, loop.range.trips, kind_of(loop.type)});
    }
    nest_stage.loops = reading.loops;
    nest_stage.own_loops = reading.loops.size() - level.loops.size();

    Inline inliner(inlined_);
    Contents contents;
    inliner.mutate(definition.values().front()).accept(&contents);
    nest_stage.flops = contents.flops;
    reading.conditions = definition.split_predicate();
    reading.accesses.push_back({function.name(), definition.args()});
    for (BufferCall& call : contents.calls) {
        if (environment_.contains(call.name) && call.name != function.name()) {
            CallSite site{readings_.size(), {}};
            for (const Expr& index : call.at) site.at.emplace_back(index, reading.domain.variables());
            call_sites_[call.name].push_back(std::move(site));
        }
        reading.accesses.push_back(std::move(call));
    }
    readings_.push_back(std::move(reading));
    nest_.stages.push_back(std::move(nest_stage));
}

Point Reader::variables_at(const Reading& reading, const Point& loop_values, bool clamp) const {
    Point own;
    for (size_t i = reading.outer_loops; i < reading.loops.size(); ++i) own.push_back(loop_values[reading.loops[i]]);
    Point values = reading.domain.variables_at(own, clamp);
    const Point begin = origin(reading.function, loop_values, clamp);
    for (size_t i = 0; i < begin.size(); ++i) values[i] += begin[i];
    return values;
}

// The first coordinates of the region of a Func that is computed in the iteration given: what its first caller asks for
// first.
Point Reader::origin(const std::string& function, const Point& loop_values, bool clamp) const {
    const auto sites = call_sites_.find(function);
    if (sites == call_sites_.end()) return {};
    Point first(nest_.loops.size(), 0);
    for (const size_t loop : levels_.at(function).loops) first[loop] = loop_values[loop];
    const CallSite& site = sites->second.front();
    const Point variables = variables_at(readings_[site.reading], first, clamp);
    Point begin;
    for (const IndexProgram& index : site.at) begin.push_back(index(variables));
    return begin;
}

size_t Reader::buffer_named(const std::string& name) const {
    const auto found = std::find_if(nest_.buffers.begin(), nest_.buffers.end(),
                                    [&](const NestBuffer& buffer) { return buffer.name == name; });
    return static_cast<size_t>(found - nest_.buffers.begin());
}

// Strides by comparing two neighbouring iterations in the middle, away from the edges where padding and tails bend
// them.
void Reader::add_accesses(size_t place) {
    const Reading& reading = readings_[place];
    Point values;
    for (const NestLoop& loop : nest_.loops) values.push_back((loop.extent - 1) / 2);
    const Point here = variables_at(reading, values, false);
    std::vector<Point> there(reading.loops.size());
    for (size_t depth = 0; depth < reading.loops.size(); ++depth) {
        int64_t& value = values[reading.loops[depth]];
        const int64_t before = value;
        value += before > 0 ? -1 : 1;
        there[depth] = variables_at(reading, values, false);
        value = before;
    }
    for (const BufferCall& call : reading.accesses) {
        NestAccess access{buffer_named(call.name), nest_.stages[place].accesses.empty(),
                          Point(reading.loops.size(), 0)};
        const Level& level = levels_.at(call.name);
        int64_t stride = 1;
        for (size_t i = 0; i < call.at.size(); ++i) {
            const IndexProgram index(call.at[i], reading.domain.variables());
            // A buffer moves along with the loops around its allocation.
            for (size_t depth = level.loops.size(); depth < reading.loops.size(); ++depth) {
                const NestLoop& loop = nest_.loops[reading.loops[depth]];
                const int64_t sign = (loop.extent - 1) / 2 > 0 ? 1 : -1;
                if (loop.extent > 1) access.strides[depth] += sign * stride * (index(here) - index(there[depth]));
            }
            stride *= level.extents[i];
        }
        nest_.stages[place].accesses.push_back(std::move(access));
    }
}

// The share of the iterations that the conditions of a reduction let through. Conditions on the same variables are
// counted together, others are taken as independent.
double Reader::fraction(const Reading& reading) const {
    if (reading.conditions.empty()) return 1;
    const size_t count = reading.domain.variables().size();
    Point least(count, INT64_MAX), most(count, INT64_MIN);
    for (const Point& corner : corners(reading, {})) {
        const Point variables = variables_at(reading, corner, true);
        for (size_t i = 0; i < count; ++i) {
            least[i] = std::min(least[i], variables[i]);
            most[i] = std::max(most[i], variables[i]);
        }
    }
    std::map<std::vector<size_t>, std::vector<IndexProgram>> by_variables;
    for (const Expr& condition : reading.conditions) {
        IndexProgram program(condition, reading.domain.variables());
        std::vector<size_t> used;
        for (size_t i = 0; i < count; ++i)
            if (program.uses(i)) used.push_back(i);
        by_variables[used].push_back(std::move(program));
    }
    double share = 1;
    for (const auto& [variables, conditions] : by_variables)
        share *= fraction_where(conditions, variables, least, most);
    return share;
}

double Reader::fraction_where(const std::vector<IndexProgram>& conditions, const std::vector<size_t>& variables,
                              const Point& least, const Point& most) const {
    constexpr double kMostPoints = 4096;  // more are sampled evenly
    const auto most_values =
        static_cast<int64_t>(std::pow(kMostPoints, 1.0 / std::max(1.0, static_cast<double>(variables.size()))));
    Point steps, point = least;
    for (const size_t variable : variables) steps.push_back(1 + (most[variable] - least[variable]) / most_values);
    double all = 0, through = 0;
    for (;;) {
        all += 1;
        through +=
            std::all_of(conditions.begin(), conditions.end(), [&](const auto& c) { return c(point) != 0; }) ? 1 : 0;
        size_t i = 0;
        for (; i < variables.size(); ++i) {
            point[variables[i]] += steps[i];
            if (point[variables[i]] <= most[variables[i]]) break;
            point[variables[i]] = least[variables[i]];
        }
        if (i == variables.size()) return through / all;
    }
}

}  // namespace

double LoopNest::iterations(const NestStage& stage) const {
    double count = stage.fraction;
    for (const size_t loop : stage.loops) count *= loops[loop].trips;
    return count;
}

LoopNest read_loop_nest(const Stage& stage) { return Reader(stage).read(); }

}  // namespace tilesmith
