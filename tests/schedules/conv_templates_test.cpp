// Every template of the convolutions, on shapes that divide nothing: what its schedules compute is what the naive loops
// compute, and nothing is touched outside the arguments.
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "codegen/compiler.h"
#include "codegen/host.h"
#include "codegen/loader.h"
#include "core/rng.h"
#include "schedules/operator.h"
#include "schedules/template.h"

namespace tilesmith {
namespace {

// Floats flush against an inaccessible page: after them, or before them.
class Guarded {
  public:
    Guarded(int64_t bytes, bool at_end) {
        const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
        const size_t body = (static_cast<size_t>(bytes) + page - 1) / page * page;
        mapped_ = body + 2 * page;
        void* const map = mmap(nullptr, mapped_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        REQUIRE(map != MAP_FAILED);
        map_ = static_cast<char*>(map);
        REQUIRE(mprotect(map_ + page, body, PROT_READ | PROT_WRITE) == 0);
        begin_ = map_ + page + (at_end ? body - static_cast<size_t>(bytes) : 0);
        std::memset(begin_, 0xff, static_cast<size_t>(bytes));  // every float is not a number
    }
    ~Guarded() { munmap(map_, mapped_); }
    Guarded(const Guarded&) = delete;
    Guarded& operator=(const Guarded&) = delete;

    [[nodiscard]] void* data() const { return begin_; }
    [[nodiscard]] float* floats() const { return static_cast<float*>(data()); }

  private:
    char* map_ = nullptr;
    char* begin_ = nullptr;
    size_t mapped_ = 0;
};

// One problem with its arguments, filled with small whole numbers, and the right result.
class Case {
  public:
    Case(const std::string& text, Rng& rng) : problem(parse_problem(text)) {
        const Operator& op = operator_of(problem);
        arguments = op.arguments(problem);
        std::vector<const float*> inputs;
        for (const Argument& argument : arguments) {
            buffers.push_back(std::make_unique<Guarded>(argument.bytes(), rng.below(2) == 0));
            if (argument.role == Role::output) break;
            for (int64_t i = 0; i < argument.elements(); ++i)
                buffers.back()->floats()[i] = static_cast<float>(rng.below(7)) - 3.0F;
            inputs.push_back(buffers.back()->floats());
        }
        expected.resize(static_cast<size_t>(arguments.back().elements()));
        op.reference(problem, inputs, expected.data());
    }

    Problem problem;
    std::vector<Argument> arguments;
    std::vector<std::unique_ptr<Guarded>> buffers;
    std::vector<float> expected;
};

// Empty, or what is wrong with what `schedule` computes.
std::string fault(Case& c, const Schedule& schedule, const Target& target, const Conditions& conditions,
                  Checks checks) {
    const CompileResult compiled = compile(c.problem, schedule, target, conditions, checks, "kernel");
    if (!compiled.outcome.ok()) return compiled.outcome.reason;
    static Loader loader;
    const auto loaded = loader.load(compiled.kernel->object);
    std::vector<void*> arguments{nullptr};
    for (const auto& buffer : c.buffers) arguments.push_back(buffer->data());
    std::unique_ptr<Guarded> packed;
    if (!compiled.kernel->pack_symbol.empty()) {
        packed = std::make_unique<Guarded>(compiled.kernel->packed_bytes, true);
        const int code =
            call_kernel(loaded->symbol(compiled.kernel->pack_symbol), {nullptr, arguments[2], packed->data()});
        if (code != 0) return fmt::format("packing returned {}", code);
        arguments[2] = packed->data();
    }
    float* const output = c.buffers.back()->floats();
    std::memset(output, 0xff, c.expected.size() * sizeof(float));
    const int code = call_kernel(loaded->symbol(compiled.kernel->run_symbol), arguments);
    if (code != 0) return fmt::format("the kernel returned {}", code);
    const float tolerance = c.problem.exact() ? 0.0F : 1e-5F;
    for (size_t i = 0; i < c.expected.size(); ++i)
        if (!(std::abs(output[i] - c.expected[i]) <= tolerance * (1.0F + std::abs(c.expected[i]))))
            return fmt::format("element {} is {} and not {}", i, output[i], c.expected[i]);
    return "";
}

void check(const std::string& text, const std::string& template_name, int random_schedules,
           const Conditions& conditions) {
    const Target target = resolve_target("host", true, nullptr);
    Rng rng(20260101);
    Case c(text, rng);
    bool applies = false;
    for (const Template* t : templates_for(c.problem, target)) {
        if (t->id.name != template_name) continue;
        applies = true;
        const Space space = t->space(c.problem, target, conditions);
        for (int i = 0; i <= random_schedules; ++i) {
            const Schedule schedule =
                i == 0 ? t->default_schedule(c.problem, target, conditions) : space.sample(rng).value();
            const Checks checks = i % 2 == 0 ? Checks::none : Checks::assertions;
            INFO(text << " " << schedule.text());
            CHECK(fault(c, schedule, target, conditions, checks).empty());
            CHECK(space.contains(schedule));
        }
    }
    INFO(text);
    CHECK(applies);
}

TEST_CASE("direct: schedules compute the convolution, whatever the shape", "[kernel]") {
    const auto* const text = GENERATE(
        "conv2d n=1 h=1 w=1 ci=1 co=1 kh=1 kw=1", "conv2d n=1 h=6 w=7 ci=5 co=9 kh=3 kw=3 pad=1",
        "conv2d n=2 h=9 w=8 ci=8 co=16 kh=3 kw=2 stride=2 pad=1 epilogue=bias,relu",
        "conv2d n=3 h=5 w=4 ci=7 co=24 kh=1 kw=1 epilogue=bias,add,relu6",
        "conv2d n=2 h=7 w=9 ci=12 co=20 kh=3 kw=3 groups=4 pad=1 epilogue=scale",
        "conv2d n=1 h=11 w=10 ci=3 co=17 kh=5 kw=4 pad_h=2 pad_w=1 pad_h_end=3 pad_w_end=2 dilation=2",
        "conv2d n=1 h=13 w=13 ci=4 co=8 kh=3 kw=3 stride_h=3 stride_w=1 pad=3 dilation_w=3",
        "conv2d n=1 h=19 w=21 ci=3 co=40 kh=7 kw=7 stride=2 pad=3 epilogue=bias,gelu",
        "conv2d n=1 h=12 w=12 ci=6 co=6 kh=3 kw=3 groups=6 pad=1",
        "conv2d n=1 h=5 w=6 ci=4 co=12 kh=3 kw=3 groups=4 pad=2",
        "conv2d n=2 h=8 w=8 ci=6 co=12 kh=1 kw=1 stride=2 groups=2", "conv2d n=2 h=3 w=5 ci=3 co=2 kh=3 kw=1 pad_h=1",
        "conv2d n=1 h=10 w=9 ci=8 co=18 kh=1 kw=3 pad_h=2 pad_w=0 pad_h_end=0 dilation=2 groups=2");
    check(text, "direct", 3, {});
}

TEST_CASE("direct: weights that change with every call are used or packed correctly", "[kernel]") {
    const auto* const text = GENERATE("conv2d n=1 h=10 w=10 ci=32 co=32 kh=3 kw=3 groups=2 pad=1 weights=fresh",
                                      "conv2d n=1 h=6 w=6 ci=16 co=33 kh=3 kw=3 pad=1 weights=fresh epilogue=bias");
    check(text, "direct", 4, {});
}

TEST_CASE("direct: conv1d is a convolution of height 1", "[kernel]") {
    const auto* const text =
        GENERATE("conv1d n=1 w=30 ci=8 co=16 kw=3 stride=2 pad=1", "conv1d n=3 w=17 ci=5 co=7 kw=5 pad=2 epilogue=add",
                 "conv1d n=2 w=20 ci=16 co=40 kw=1");
    check(text, "direct", 3, {});
}

TEST_CASE("depthwise: schedules compute the convolution, whatever the shape", "[kernel]") {
    const auto* const text = GENERATE(
        "conv2d n=1 h=13 w=13 ci=17 co=17 kh=3 kw=3 groups=17 pad=1",
        "conv2d n=2 h=9 w=12 ci=5 co=5 kh=3 kw=3 groups=5 pad=1 stride=2 epilogue=bias,relu6",
        "conv2d n=1 h=4 w=3 ci=1 co=1 kh=3 kw=3 pad=2",
        "conv2d n=3 h=10 w=10 ci=33 co=33 kh=5 kw=5 groups=33 pad=2 dilation=2 epilogue=add",
        "conv2d n=1 h=7 w=20 ci=64 co=64 kh=3 kw=4 groups=64 pad_h=1 pad_w=0 pad_w_end=3 epilogue=scale,bias",
        "conv2d n=2 h=8 w=8 ci=24 co=24 kh=1 kw=1 groups=24", "conv1d n=2 w=40 ci=20 co=20 kw=7 groups=20 pad=3",
        "conv2d n=1 h=6 w=40 ci=8 co=8 kh=3 kw=21 groups=8 pad=10",
        "conv2d n=1 h=6 w=15 ci=3 co=3 kh=1 kw=1 groups=3 pad_h=1 pad_w=0",
        "conv2d n=2 h=7 w=15 ci=9 co=9 kh=3 kw=2 groups=9 pad_h=1 pad_w=0");
    check(text, "depthwise", 3, {});
}

TEST_CASE("convolutions: loops over threads change no result", "[kernel]") {
    Conditions two_threads;
    two_threads.threads = 2;
    check("conv2d n=2 h=9 w=11 ci=8 co=24 kh=3 kw=3 pad=1 epilogue=bias,relu", "direct", 5, two_threads);
    check("conv2d n=2 h=9 w=11 ci=20 co=20 kh=3 kw=3 pad=1 groups=20", "depthwise", 4, two_threads);
}

}  // namespace
}  // namespace tilesmith
