#include "codegen/compiler.h"

#include <Halide.h>
#include <fmt/format.h>

#include <chrono>
#include <iostream>
#include <sstream>

#include "codegen/in_place.h"
#include "codegen/lowering.h"
#include "codegen/pipeline_compiler.h"
#include "core/error.h"
#include "schedules/operator.h"
#include "schedules/pipeline.h"
#include "schedules/template.h"

namespace tilesmith {

namespace {

// Halide prints warnings (and, without exceptions, aborts): here warnings are dropped and errors always thrown.
class QuietReporter : public Halide::CompileTimeErrorReporter {
  public:
    void warning(const char* /*message*/) override {}
    void error(const char* message) override { throw Halide::CompileError(message); }
};

void be_quiet() {
    static QuietReporter reporter;
    static const bool once = (Halide::set_custom_compile_time_error_reporter(&reporter), true);
    static_cast<void>(once);
}

Pipeline build(const Problem& problem, const Schedule& schedule, const Target& target, const Conditions& conditions) {
    const Template& chosen = require_legal(problem, schedule, target, conditions);
    return chosen.build(problem, schedule, target, conditions);
}

int64_t bytes_of(const Stage& stage) { return stage.output.type().bytes() * elements_of(stage.output_extents); }

// Halide prints loop nests on std::cerr and nowhere else.
class CapturedErrors {
  public:
    CapturedErrors() : before_(std::cerr.rdbuf(text_.rdbuf())) {}
    CapturedErrors(const CapturedErrors&) = delete;
    CapturedErrors& operator=(const CapturedErrors&) = delete;
    ~CapturedErrors() { std::cerr.rdbuf(before_); }
    [[nodiscard]] std::string text() const { return text_.str(); }

  private:
    std::ostringstream text_;
    std::streambuf* const before_;
};

std::string first_lines(const std::string& text) {
    constexpr size_t kMost = 600;
    return text.size() <= kMost ? text : text.substr(0, kMost) + " ...";
}

CompileResult object_of(const Pipeline& pipeline, const Target& target, Checks checks, const std::string& symbol) {
    KernelObject kernel;
    Halide::Module module(symbol, halide_target(target));
    kernel.run_symbol = symbol;
    append_stage(module, pipeline.run, kernel.run_symbol);
    if (pipeline.pack) {
        kernel.pack_symbol = symbol + "_pack_w";
        kernel.packed_bytes = bytes_of(*pipeline.pack);
        append_stage(module, *pipeline.pack, kernel.pack_symbol);
    }
    if (const auto violation = known_violation(module))
        return {Outcome::failed(Status::illegal, first_lines(*violation)), std::nullopt};

    const HeapUse heap = heap_use(module);
    kernel.workspace_bytes = heap.once;
    kernel.workspace_bytes_per_thread = heap.per_thread;
    kernel.in_place = in_place_inputs(pipeline.run);
    if (checks == Checks::none) module = without_assertions(module);
    const auto object = module.compile_to_buffer();
    kernel.object.assign(reinterpret_cast<const char*>(object.data()), object.size_in_bytes());
    return {Outcome{}, std::move(kernel)};
}

}  // namespace

CompileResult compile_pipeline(const std::function<Pipeline()>& build, const Target& target, Checks checks,
                               const std::string& symbol) {
    be_quiet();
    const auto start = std::chrono::steady_clock::now();
    CompileResult result;
    try {
        result = object_of(build(), target, checks, symbol);
    } catch (const Halide::Error& error) {
        result = {Outcome::failed(Status::compile_failed, first_lines(error.what())), std::nullopt};
    } catch (const Error& error) {
        result = {Outcome::failed(Status::compile_failed, error.what()), std::nullopt};
    }
    const std::chrono::duration<double, std::milli> elapsed = std::chrono::steady_clock::now() - start;
    result.outcome.compile_ms = elapsed.count();
    return result;
}

CompileResult compile(const Problem& problem, const Schedule& schedule, const Target& target,
                      const Conditions& conditions, Checks checks, const std::string& symbol) {
    CompileResult result =
        compile_pipeline([&] { return build(problem, schedule, target, conditions); }, target, checks, symbol);
    if (result.kernel) {
        const std::vector<Argument> arguments = operator_of(problem).arguments(problem);
        std::erase_if(result.kernel->in_place,
                      [&](size_t position) { return arguments[position].shape != arguments.back().shape; });
    }
    return result;
}

std::string loop_nest_text(const Problem& problem, const Schedule& schedule, const Target& target,
                           const Conditions& conditions) {
    be_quiet();
    std::ostringstream text;
    try {
        Pipeline pipeline = build(problem, schedule, target, conditions);
        const auto print = [&text](const char* title, Stage& stage) {
            declare_buffers(stage);
            const CapturedErrors nest;
            stage.output.print_loop_nest();
            text << title << "\n" << nest.text() << "\n";
        };
        if (pipeline.pack) print("pack, once:", *pipeline.pack);
        print("run:", pipeline.run);
    } catch (const Halide::Error& error) {
        throw run_failed(fmt::format("Halide cannot build {}: {}", schedule.text(), error.what()));
    }
    return text.str();
}

}  // namespace tilesmith
