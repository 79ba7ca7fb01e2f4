#include "cli/kernel_call.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "core/error.h"
#include "core/rng.h"
#include "runtime/tilesmith_runtime.h"

namespace tilesmith {

size_t weight_index(const Problem& problem) {
    const std::vector<Argument> arguments = operator_of(problem).arguments(problem);
    for (size_t i = 0; i < arguments.size(); ++i)
        if (arguments[i].role == Role::weight) return i;
    throw run_failed("'" + problem.text() + "' has no weights");
}

float* ProblemBuffers::allocate(size_t elements) {
    char* const memory = memory_.emplace_back(page_memory(elements * sizeof(float), "the tensors")).get();
    return reinterpret_cast<float*>(memory);
}

ProblemBuffers::ProblemBuffers(const Problem& problem, uint64_t seed) {
    Rng rng(seed);
    std::vector<Argument> arguments = operator_of(problem).arguments(problem);
    output_elements_ = static_cast<size_t>(arguments.back().elements());
    arguments.pop_back();
    for (const Argument& argument : arguments) {
        const auto elements = static_cast<size_t>(argument.elements());
        float* values = allocate(elements);
        for (size_t i = 0; i < elements; ++i) values[i] = static_cast<float>(rng.below(9)) - 4.0F;
        inputs_.push_back(values);
    }
}

float* ProblemBuffers::new_output() {
    float* output = allocate(output_elements_);
    std::fill(output, output + output_elements_, 0.0F);
    return output;
}

std::vector<float> ProblemBuffers::spread_of(const float* output) const {
    constexpr size_t kMost = 4096;
    const size_t count = std::min(kMost, output_elements_);
    std::vector<float> spread(count);
    for (size_t i = 0; i < count; ++i) spread[i] = output[i * output_elements_ / count];
    return spread;
}

KernelCall::KernelCall(const Problem& problem, const Schedule& schedule, const Target& target,
                       const Conditions& conditions, Loader& loader, const ProblemBuffers& buffers, float* output)
    : name_(problem.text() + " with " + schedule.text()) {
    const CompileResult compiled =
        compile(problem, schedule, target, conditions, Checks::assertions, "tilesmith_bench_kernel");
    if (!compiled.kernel) throw negative_answer(name_ + " does not compile: " + compiled.outcome.reason);
    const std::vector<Argument> all = operator_of(problem).arguments(problem);
    kernel_ = loader.load(compiled.kernel->object);
    function_ = kernel_->symbol(compiled.kernel->run_symbol);
    std::vector<void*>& arguments = ways_.emplace_back();
    arguments.push_back(nullptr);
    for (const float* input : buffers.inputs()) arguments.push_back(const_cast<float*>(input));
    arguments.push_back(output);
    if (!compiled.kernel->pack_symbol.empty()) pack(*compiled.kernel, problem);
    if (conditions.cache == CacheState::cold_weights) {
        weight_ = 1 + weight_index(problem);
        const int64_t plain_bytes = all[weight_ - 1].bytes();
        copies_ = std::make_unique<ColdCopies>(
            arguments[weight_], static_cast<size_t>(packed_ == nullptr ? plain_bytes : compiled.kernel->packed_bytes));
    }
    if (const auto added = only_epilogue_tensor(all, compiled.kernel->in_place))
        add_in_place(*added, static_cast<size_t>(all.back().bytes()));
}

void KernelCall::add_in_place(size_t added, size_t output_bytes) {
    output_bytes_ = output_bytes;
    sum_ = page_memory(output_bytes, "a sum in place");
    std::vector<void*> arguments = ways_.front();
    std::memcpy(sum_.get(), arguments[1 + added], output_bytes_);
    arguments[1 + added] = arguments.back() = sum_.get();
    ways_.push_back(std::move(arguments));
}

void KernelCall::pack(const KernelObject& kernel, const Problem& problem) {
    packed_ = page_memory(static_cast<size_t>(kernel.packed_bytes), "the packed weights");
    void*& weight = ways_.front()[1 + weight_index(problem)];
    const int code = call_kernel(kernel_->symbol(kernel.pack_symbol), {nullptr, weight, packed_.get()});
    if (code != 0) throw negative_answer(name_ + ": packing failed: " + tilesmith_rt_error_name(code));
    weight = packed_.get();
}

void KernelCall::run(size_t way) {
    std::vector<void*>& arguments = ways_[way];
    if (copies_) arguments[weight_] = copies_->places()[turn_++ % copies_->places().size()];
    const int code = call_kernel(function_, arguments);
    if (code != 0) throw negative_answer(name_ + " failed: " + tilesmith_rt_error_name(code));
}

void KernelCall::check_ways() {
    run();
    if (ways() == 1) return;
    run(1);
    if (std::memcmp(sum_.get(), ways_.front().back(), output_bytes_) != 0)
        throw negative_answer(name_ + " adds something else in place");
}

}  // namespace tilesmith
