#include "template_check.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "codegen/compiler.h"
#include "codegen/host.h"
#include "codegen/loader.h"
#include "core/error.h"
#include "schedules/operator.h"
#include "worker/test_data.h"

namespace tilesmith {
namespace {

// Floats that end right before an inaccessible page, or begin right after one. All are NaN at first.
class GuardedFloats {
  public:
    GuardedFloats(int64_t count, bool at_end) {
        const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
        const size_t bytes = static_cast<size_t>(count) * sizeof(float);
        const size_t body = (bytes + page - 1) / page * page;
        mapped_bytes_ = body + 2 * page;
        void* const map = mmap(nullptr, mapped_bytes_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (map == MAP_FAILED) throw run_failed("no memory for a guarded buffer");
        map_ = static_cast<char*>(map);
        if (mprotect(map_ + page, body, PROT_READ | PROT_WRITE) != 0) throw run_failed("cannot open a guarded buffer");
        data_ = map_ + page + (at_end ? body - bytes : 0);
        std::memset(data_, 0xff, bytes);
    }
    ~GuardedFloats() { munmap(map_, mapped_bytes_); }
    GuardedFloats(const GuardedFloats&) = delete;
    GuardedFloats& operator=(const GuardedFloats&) = delete;

    [[nodiscard]] void* data() const { return data_; }
    [[nodiscard]] float* floats() const { return static_cast<float*>(data()); }

  private:
    char* map_ = nullptr;
    void* data_ = nullptr;
    size_t mapped_bytes_ = 0;
};

using Buffers = std::vector<std::unique_ptr<GuardedFloats>>;

// One buffer an argument; the output's is not written.
Buffers make_buffers(const std::vector<Argument>& arguments, const std::vector<std::vector<float>>& inputs, Rng& rng) {
    Buffers buffers;
    for (const Argument& argument : arguments)
        buffers.push_back(std::make_unique<GuardedFloats>(argument.elements(), rng.below(2) == 0));
    for (size_t i = 0; i < inputs.size(); ++i) std::copy(inputs[i].begin(), inputs[i].end(), buffers[i]->floats());
    return buffers;
}

// With `in_place`, the argument of that position is the output itself.
std::string run(const KernelObject& kernel, const std::vector<Argument>& arguments, const Buffers& buffers, Rng& rng,
                std::optional<size_t> in_place = std::nullopt) {
    static Loader loader;
    const auto loaded = loader.load(kernel.object);
    std::vector<void*> pointers{nullptr};
    for (const auto& buffer : buffers) pointers.push_back(buffer->data());
    if (in_place) {
        const GuardedFloats& output = *buffers.back();
        std::copy_n(buffers[*in_place]->floats(), arguments.back().elements(), output.floats());
        pointers[*in_place + 1] = output.data();
    }
    std::unique_ptr<GuardedFloats> packed;
    for (size_t i = 0; i < arguments.size(); ++i) {
        if (arguments[i].role != Role::weight || kernel.pack_symbol.empty()) continue;
        const int64_t floats = kernel.packed_bytes / static_cast<int64_t>(sizeof(float));
        packed = std::make_unique<GuardedFloats>(floats, rng.below(2) == 0);
        const int code = call_kernel(loaded->symbol(kernel.pack_symbol), {nullptr, pointers[i + 1], packed->data()});
        if (code != 0) return fmt::format("packing returned {}", code);
        pointers[i + 1] = packed->data();
    }
    const int code = call_kernel(loaded->symbol(kernel.run_symbol), pointers);
    return code == 0 ? "" : fmt::format("the kernel returned {}", code);
}

}  // namespace

std::vector<Target> targets_here() {
    std::vector<Target> targets{resolve_target("host", true, nullptr)};
    if (targets.front().vector_bits > 256) targets.push_back(resolve_target("x86-64-avx2", true, nullptr));
    return targets;
}

std::string fault_of(const Problem& problem, const Schedule& schedule, const Target& target,
                     const Conditions& conditions, bool assertions, Rng& rng) {
    const uint64_t seed = rng.below(1'000'000);
    // "host" has this machine's caches, on which it depends whether a schedule is legal.
    const std::string name = target.name == targets_here().front().name ? "host" : target.name;
    const auto repeated_by = [&](const std::string& what) {
        return fmt::format("{}\n  tilesmith try '{}' --schedule '{}' --target {} --threads {} --seed {}", what,
                           problem.text(), schedule.text(), name, conditions.threads, seed);
    };
    const CompileResult compiled =
        compile(problem, schedule, target, conditions, assertions ? Checks::assertions : Checks::none, "kernel");
    if (!compiled.outcome.ok()) return repeated_by(compiled.outcome.reason);
    const std::vector<Argument> arguments = operator_of(problem).arguments(problem);
    const Values values = first_values(problem);
    const std::vector<std::vector<float>> inputs = make_inputs(problem, seed, values);
    const Buffers buffers = make_buffers(arguments, inputs, rng);
    if (const std::string failure = run(*compiled.kernel, arguments, buffers, rng); !failure.empty())
        return repeated_by(failure);
    const std::span<const float> output(buffers.back()->floats(), static_cast<size_t>(arguments.back().elements()));
    const std::vector<float> right = reference_output(problem, inputs);
    if (const auto wrong = difference(problem, right, output, tolerance(problem, values))) return repeated_by(*wrong);
    for (const size_t argument : compiled.kernel->in_place) {
        const std::string failure = run(*compiled.kernel, arguments, buffers, rng, argument);
        const auto wrong = difference(problem, right, output, tolerance(problem, values));
        if (!failure.empty() || wrong)
            return repeated_by(
                fmt::format("with {} as the output: {}", arguments[argument].name, wrong.value_or(failure)));
    }
    return "";
}

std::string first_fault(const std::string& problem_text, const std::string& template_name, int random_schedules,
                        const Conditions& conditions, uint64_t seed) {
    const Problem problem = parse_problem(problem_text);
    const Target target = resolve_target("host", true, nullptr);
    for (const Template* t : templates_for(problem, target)) {
        if (t->id.name != template_name) continue;
        Rng rng(seed);
        const Space space = t->space(problem, target, conditions);
        for (int i = 0; i <= random_schedules; ++i) {
            const auto schedule = i == 0 ? t->default_schedule(problem, target, conditions) : space.sample(rng);
            if (!schedule) return "the space has no schedules";
            if (const auto why = space.why_not(*schedule))
                return fmt::format("{}: {}: {}", problem.text(), schedule->text(), *why);
            std::string fault = fault_of(problem, *schedule, target, conditions, i % 2 == 0, rng);
            if (!fault.empty()) return fault;
        }
        return "";
    }
    return fmt::format("{} does not apply to {}", template_name, problem.text());
}

std::string first_streaming_fault(const std::string& problem_text, const std::string& template_name) {
    const Problem problem = parse_problem(problem_text);
    Rng rng(20261125);
    int tested = 0;
    for (Target target : targets_here()) {
        target.l2_bytes = 0;
        for (const int threads : {1, 2}) {
            Conditions conditions;
            conditions.threads = threads;
            for (const Template* t : templates_for(problem, target)) {
                if (t->id.name != template_name) continue;
                const Space space = t->space(problem, target, conditions);
                for (int i = 0; i < 3; ++i) {
                    const Schedule schedule = *space.repair(space.sample(rng)->set("store", "stream"));
                    if (schedule.find("store") == nullptr) return "there is no such schedule";
                    std::string fault = fault_of(problem, schedule, target, conditions, i % 2 == 0, rng);
                    if (!fault.empty()) return fault;
                    ++tested;
                }
            }
        }
    }
    return tested > 0 ? "" : fmt::format("{} does not apply to {}", template_name, problem.text());
}

std::vector<float> output_of(const Problem& problem, const Schedule& schedule, const Target& target,
                             const std::vector<std::vector<float>>& inputs) {
    const CompileResult compiled = compile(problem, schedule, target, Conditions{}, Checks::assertions, "kernel");
    if (!compiled.outcome.ok()) throw run_failed(compiled.outcome.reason);
    const std::vector<Argument> arguments = operator_of(problem).arguments(problem);
    Rng rng(1);
    const Buffers buffers = make_buffers(arguments, inputs, rng);
    if (const std::string failure = run(*compiled.kernel, arguments, buffers, rng); !failure.empty())
        throw run_failed(failure);
    const float* const output = buffers.back()->floats();
    return {output, output + arguments.back().elements()};
}

std::vector<float> output_of(const std::string& problem_text, const std::vector<std::vector<float>>& inputs) {
    const Problem problem = parse_problem(problem_text);
    const Target target = resolve_target("host", true, nullptr);
    return output_of(problem, default_schedule(problem, target, Conditions{}), target, inputs);
}

}  // namespace tilesmith
