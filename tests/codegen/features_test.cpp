// Features against what they claim to be: the loop nest they are read from is compared with the code that Halide makes
// of the same schedule.
#include <Halide.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "codegen/compiler.h"
#include "codegen/loop_nest.h"
#include "codegen/lowering.h"
#include "schedules/operator.h"
#include "schedules/template.h"

namespace tilesmith {

namespace {

namespace Ir = Halide::Internal;
using Halide::Expr;

// Runs lowered code without computing: counts the floating-point multiplications that it would do. Loops whose body is
// the same every time are run once and multiplied.
class CountMultiplications : public Ir::IRVisitor {
  public:
    double count = 0;
    bool unknown = false;

  private:
    using Ir::IRVisitor::visit;

    std::optional<int64_t> value_of(const Expr& expr) {
        const Expr value = Ir::simplify(Ir::substitute(values_, expr));
        if (Ir::is_const_one(value)) return 1;
        if (Ir::is_const_zero(value)) return 0;
        return Ir::as_const_int(value);
    }
    // Whether loop bounds or conditions inside `body` look at `name`, directly or through another name.
    static bool steers(const Ir::Stmt& body, const std::string& name) {
        class Look : public Ir::IRVisitor {
          public:
            explicit Look(const std::string& first) : names_{first} {}
            bool found = false;

          private:
            using Ir::IRVisitor::visit;
            std::vector<std::string> names_;
            void check(const Expr& expr) {
                for (const std::string& each : names_) found = found || Ir::expr_uses_var(expr, each);
            }
            void visit(const Ir::For* loop) override {
                check(loop->min);
                check(loop->extent);
                loop->body.accept(this);
            }
            void visit(const Ir::IfThenElse* branch) override {
                check(branch->condition);
                Ir::IRVisitor::visit(branch);
            }
            void visit(const Ir::LetStmt* let) override {
                for (size_t i = 0; i < names_.size(); ++i)
                    if (Ir::expr_uses_var(let->value, names_[i])) {
                        names_.push_back(let->name);
                        break;
                    }
                let->body.accept(this);
            }
        } look(name);
        body.accept(&look);
        return look.found;
    }
    void visit(const Ir::For* loop) override {
        const auto min = value_of(loop->min);
        const auto extent = value_of(loop->extent);
        if (!min || !extent) {
            unknown = true;
            return;
        }
        const bool all = steers(loop->body, loop->name);
        const double before = count;
        for (int64_t i = 0; i < (all ? *extent : std::min<int64_t>(1, *extent)); ++i) {
            values_[loop->name] = static_cast<int>(*min + i);
            loop->body.accept(this);
        }
        if (!all) count = before + (count - before) * static_cast<double>(*extent);
        values_.erase(loop->name);
    }
    void visit(const Ir::IfThenElse* branch) override {
        const auto condition = value_of(branch->condition);
        if (!condition) {
            unknown = true;
            return;
        }
        if (*condition != 0)
            branch->then_case.accept(this);
        else if (branch->else_case.defined())
            branch->else_case.accept(this);
    }
    void visit(const Ir::LetStmt* let) override {
        if (!let->value.type().is_float()) values_[let->name] = Ir::simplify(Ir::substitute(values_, let->value));
        let->value.accept(this);
        let->body.accept(this);
    }
    void visit(const Ir::AssertStmt*) override {}
    void visit(const Ir::Mul* product) override {
        if (product->type.is_float()) count += product->type.lanes();
        Ir::IRVisitor::visit(product);
    }
    std::map<std::string, Expr> values_;
};

double lowered_multiplications(const Pipeline& pipeline, const Target& target) {
    declare_buffers(pipeline.run);
    const std::vector<Halide::Argument> arguments(pipeline.run.inputs.begin(), pipeline.run.inputs.end());
    const Halide::Module module =
        Halide::Pipeline(pipeline.run.output).compile_to_module(arguments, "kernel", halide_target(target));
    CountMultiplications counter;
    for (const auto& function : module.functions()) function.body.accept(&counter);
    REQUIRE_FALSE(counter.unknown);
    return counter.count;
}

// Without an epilogue, the stages that multiply do so once for two floating-point operations.
double read_multiplications(const Pipeline& pipeline) {
    const LoopNest nest = read_loop_nest(pipeline.run);
    double sum = 0;
    for (const NestStage& stage : nest.stages)
        if (stage.flops >= 2) sum += nest.iterations(stage) * std::floor(stage.flops / 2);
    return sum;
}

float feature(const std::vector<float>& values, const std::string& name) {
    const std::vector<std::string>& names = feature_names();
    const auto found = std::find(names.begin(), names.end(), name);
    REQUIRE(found != names.end());
    return values.at(static_cast<size_t>(found - names.begin()));
}

const std::vector<std::string>& problems() {
    static const std::vector<std::string> all = {
        "matmul m=96 n=128 k=64",
        "matmul m=50 n=33 k=77 epilogue=bias,relu",
        "matmul m=1 n=100 k=30 tb=1",
        "matmul m=7 n=5 k=3 b=2 ta=1",
        "conv2d h=14 w=14 ci=16 co=32 kh=3 kw=3 pad=1",
        "conv2d h=9 w=11 ci=6 co=10 kh=3 kw=3 stride=2 pad=1 epilogue=bias,relu6",
        "conv2d h=8 w=8 ci=16 co=16 kh=3 kw=3 groups=16 pad=1",
        "conv2d h=13 w=13 ci=17 co=17 kh=3 kw=3 groups=17 pad=1",
        "conv2d h=8 w=8 ci=32 co=48 kh=1 kw=1 weights=fixed",
        "conv1d w=30 ci=8 co=12 kw=3",
        "conv3d d=4 h=6 w=7 ci=5 co=16 kd=3 kh=3 kw=3 pad=1",
        "conv2d_transposed h=5 w=6 ci=8 co=20 kh=4 kw=4 stride=2 pad=1",
        "max_pool h=9 w=10 c=20 kh=3 kw=3 stride=2 pad=1",
        "avg_pool h=7 w=7 c=5 kh=7 kw=7",
        "softmax rows=20 cols=100",
        "layer_norm rows=3 cols=7",
        "rms_norm rows=1 cols=999",
        "norm b=2 m=33 n=65",
        "reduce_sum outer=5 reduced=771",
        "reduce_max outer=2 reduced=5 kept=17 inner=3",
        "reduce_mean outer=2 reduced=49 kept=100",
        "reduce_sum reduced=20011 kept=3",
        "reduce_sum outer=2 reduced=5 kept=3 inner=7 kept2=30",
        "reduce_max reduced=5 kept=3 inner=7 kept2=4 inner2=50",
        "elementwise rows=30 cols=50 epilogue=bias,relu",
        "transpose b=2 m=33 n=65",
        "transpose m=3 n=101",
        "transpose m=9 n=7 c=13",
    };
    return all;
}

}  // namespace

TEST_CASE("feature names are unique and as many as the values", "[kernel]") {
    std::vector<std::string> names = feature_names();
    std::sort(names.begin(), names.end());
    CHECK(std::adjacent_find(names.begin(), names.end()) == names.end());
    const Target target = target_named("x86-64-avx2");
    const Problem problem = parse_problem("conv2d h=8 w=8 ci=8 co=16 kh=3 kw=3");
    CHECK(features(problem, default_schedule(problem, target, {}), target, {}).size() == names.size());
}

TEST_CASE("features of every template are finite and repeat", "[kernel]") {
    Rng rng(5);
    for (const std::string& text : problems()) {
        const Problem problem = parse_problem(text);
        for (const char* name : {"x86-64-avx2", "x86-64-zen4"}) {
            const Target target = target_named(name);
            for (const int threads : {1, 2}) {
                const Conditions conditions{threads, Objective::latency, CacheState::warm};
                for (const Template* chosen : templates_for(problem, target)) {
                    const Space space = chosen->space(problem, target, conditions);
                    for (int i = 0; i < 5; ++i) {
                        const auto schedule = space.sample(rng);
                        REQUIRE(schedule);
                        INFO(text << " " << schedule->text());
                        const std::vector<float> values = features(problem, *schedule, target, conditions);
                        CHECK(std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); }));
                        CHECK(values == features(problem, *schedule, target, conditions));
                    }
                }
            }
        }
    }
}

TEST_CASE("schedules that differ have features that differ", "[kernel]") {
    const Target target = target_named("x86-64-zen4");
    Rng rng(7);
    for (const std::string text : {"matmul m=300 n=400 k=500", "conv2d h=28 w=28 ci=64 co=256 kh=3 kw=3 pad=1",
                                   "conv2d h=28 w=28 ci=64 co=64 kh=3 kw=3 groups=64 pad=1"}) {
        const Problem problem = parse_problem(text);
        for (const Template* chosen : templates_for(problem, target)) {
            const Space space = chosen->space(problem, target, {});
            std::map<std::string, std::vector<float>> seen;
            for (int i = 0; i < 20; ++i) {
                const auto schedule = space.sample(rng);
                REQUIRE(schedule);
                seen[schedule->text()] = features(problem, *schedule, target, {});
            }
            std::set<std::vector<float>> distinct;
            for (const auto& [schedule, values] : seen) distinct.insert(values);
            INFO(text << " " << chosen->id.name);
            // Decisions about a loop of one iteration change nothing.
            CHECK(static_cast<double>(distinct.size()) >= 0.8 * static_cast<double>(seen.size()));
        }
    }
}

TEST_CASE("the loop nest that is read multiplies as often as the lowered code", "[kernel]") {
    const Target target = target_named("x86-64-avx2");
    Rng rng(11);
    for (const std::string text :
         {"matmul m=96 n=128 k=64", "matmul m=50 n=33 k=77", "matmul m=3 n=40 k=9",
          "conv2d h=8 w=8 ci=16 co=32 kh=3 kw=3", "conv2d h=10 w=12 ci=8 co=24 kh=3 kw=3 pad=1",
          "conv2d h=9 w=11 ci=6 co=10 kh=3 kw=3 stride=2", "conv2d h=8 w=8 ci=16 co=16 kh=3 kw=3 groups=16"}) {
        const Problem problem = parse_problem(text);
        for (const Template* chosen : templates_for(problem, target)) {
            const Space space = chosen->space(problem, target, {});
            for (int i = 0; i < 3; ++i) {
                const Schedule schedule = i == 0 ? chosen->default_schedule(problem, target, {}) : *space.sample(rng);
                INFO(text << " " << schedule.text());
                const double lowered = lowered_multiplications(chosen->build(problem, schedule, target, {}), target);
                const double read = read_multiplications(chosen->build(problem, schedule, target, {}));
                CHECK(read == Approx(lowered).epsilon(0.03));
            }
        }
    }
}

TEST_CASE("tiles that divide execute exactly the problem's operations", "[kernel]") {
    const Target target = target_named("x86-64-avx2");
    const Problem problem = parse_problem("matmul m=96 n=96 k=96");
    for (const Template* chosen : templates_for(problem, target)) {
        const Schedule schedule = chosen->default_schedule(problem, target, {});
        INFO(schedule.text());
        const std::vector<float> values = features(problem, schedule, target, {});
        CHECK(feature(values, "executed_flops") >= 0.95F);
        CHECK(feature(values, "executed_flops") <= 1.15F);
        CHECK(feature(values, "estimated_total") >= feature(values, "estimated_compute") - 0.01F);
    }
}

}  // namespace tilesmith
