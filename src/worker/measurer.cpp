#include "worker/measurer.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

#include "codegen/host.h"
#include "core/conditions.h"
#include "core/error.h"
#include "core/page_memory.h"
#include "runtime/tilesmith_runtime.h"
#include "schedules/operator.h"
#include "worker/cold_copies.h"
#include "worker/fault_report.h"
#include "worker/timing_lock.h"

namespace tilesmith {

namespace {

constexpr Placement kTimed = Placement::start_at_guard;

// Memory that a kernel may take beyond the tensors: far more than any sensible schedule needs.
constexpr size_t kKernelBytes = size_t{4} << 30U;

Outcome failed_call(int code) {
    constexpr int kOutOfMemory = -11;
    return Outcome::failed(code == kOutOfMemory ? Status::out_of_memory : Status::run_failed,
                           fmt::format("the kernel returned {} ({})", code, tilesmith_rt_error_name(code)));
}

PageMemory copy_of(const void* data, size_t bytes) {
    PageMemory memory = page_memory(bytes, "the tensors of a copy");
    std::memcpy(memory.get(), data, bytes);
    return memory;
}

}  // namespace

struct Measurer::Tensors {
    DataId data;
    Problem problem;
    std::vector<Argument> arguments;
    std::vector<std::unique_ptr<GuardedMemory>> inputs;
    std::unique_ptr<GuardedMemory> output;
    size_t weight = SIZE_MAX;  // which input is the weight; SIZE_MAX: none is
    std::vector<float> expected;
    Tolerance allowed;

    Tensors(DataId id, Problem parsed)
        : data(std::move(id)), problem(std::move(parsed)), arguments(operator_of(problem).arguments(problem)) {}

    void place(Placement placement) {
        for (const auto& input : inputs) {
            input->place(placement);
            input->make_read_only();
        }
        output->place(placement);
        output->fill_with_nan();
    }
};

struct Measurer::Bound {
    std::unique_ptr<LoadedKernel> loaded;
    void* pack_function = nullptr;
    std::unique_ptr<GuardedMemory> packed;  // null without packing
    std::vector<PageMemory> copied;         // for the other members of a crew
    std::unique_ptr<ColdCopies> copies;     // of the weight, null where it stays in the caches
    std::optional<size_t> added;            // the input that may be the output: what is added in place
    KernelCall run;

    // Packs the weight anew into `packed` at `placement` and points `run` at where everything lies now. Returns the
    // kernel's code.
    int prepare(Tensors& tensors, Placement placement) {
        if (packed) {
            packed->place(placement);
            packed->fill_with_nan();
            const int code =
                call_kernel(pack_function, {nullptr, tensors.inputs[tensors.weight]->data(), packed->data()});
            if (code != 0) return code;
            packed->make_read_only();
        }
        run.arguments = {nullptr};
        for (size_t i = 0; i < tensors.inputs.size(); ++i)
            run.arguments.push_back(packed && i == tensors.weight ? packed->data() : tensors.inputs[i]->data());
        run.arguments.push_back(tensors.output->data());
        return 0;
    }

    // After prepare(): adds in place, where the kernel can, from now on.
    void add_in_place(Tensors& tensors) {
        if (!added) return;
        std::memcpy(tensors.output->data(), tensors.inputs[*added]->data(), tensors.output->bytes());
        run.arguments[1 + *added] = tensors.output->data();
    }

    // After prepare(): every member of the crew has tensors of its own.
    void share(Tensors& tensors, Crew& crew) {
        run.crew = &crew;
        run.others.clear();
        copied.clear();
        for (size_t member = 1; member < crew.size(); ++member) {
            std::vector<void*>& arguments = run.others.emplace_back(run.arguments);
            for (size_t i = 0; i < tensors.inputs.size(); ++i) {
                const GuardedMemory& from = packed && i == tensors.weight ? *packed : *tensors.inputs[i];
                arguments[1 + i] = copied.emplace_back(copy_of(from.data(), from.bytes())).get();
            }
            arguments.back() = copied.emplace_back(copy_of(tensors.output->data(), tensors.output->bytes())).get();
            if (added) arguments[1 + *added] = arguments.back();
        }
    }

    // After prepare(): each call finds the weight out of the caches.
    void cool(Tensors& tensors) {
        if (tensors.weight == SIZE_MAX)
            throw run_failed(fmt::format("'{}' has no weights that could be cold", tensors.problem.text()));
        const GuardedMemory& weight = packed ? *packed : *tensors.inputs[tensors.weight];
        copies = std::make_unique<ColdCopies>(weight.data(), weight.bytes());
        run.moving = 1 + tensors.weight;
        run.places = copies->places();
    }
};

Measurer::~Measurer() = default;

void Measurer::learn_reference(const DataId& data, std::vector<float> output) {
    constexpr size_t kMost = 4;
    if (references_.size() == kMost) references_.erase(references_.begin());
    references_.push_back({data, std::move(output)});
}

std::vector<float> Measurer::expected_for(const DataId& data, const Problem& problem,
                                          const std::vector<std::vector<float>>& inputs) {
    for (const Reference& known : references_)
        if (known.data == data) return known.output;
    channel_.write_stage("reference");
    const auto start = std::chrono::steady_clock::now();
    std::vector<float> output = reference_output(problem, inputs);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    Frame frame = reference_frame(data, output);
    frame.header["seconds"] = seconds.count();
    channel_.write(frame);
    learn_reference(data, output);
    return output;
}

Measurer::Tensors& Measurer::tensors_for(const DataId& data) {
    if (tensors_ && tensors_->data == data) return *tensors_;
    tensors_.reset();
    limit_memory(SIZE_MAX / 4);
    auto tensors = std::make_shared<Tensors>(data, parse_problem(data.problem));
    const Problem& problem = tensors->problem;
    const std::vector<Argument>& arguments = tensors->arguments;
    const std::vector<std::vector<float>> values = make_inputs(problem, data.seed, data.values);
    for (size_t i = 0; i < values.size(); ++i) {
        const Argument& argument = arguments[i];
        auto& memory = *tensors->inputs.emplace_back(
            std::make_unique<GuardedMemory>(argument.name, static_cast<size_t>(argument.bytes())));
        std::copy(values[i].begin(), values[i].end(), memory.floats().begin());
        if (argument.role == Role::weight) tensors->weight = i;
    }
    tensors->output =
        std::make_unique<GuardedMemory>(arguments.back().name, static_cast<size_t>(arguments.back().bytes()));
    tensors->expected = expected_for(data, problem, values);
    tensors->allowed = tolerance(problem, data.values);
    // A final holds copies of a dozen contenders' weights.
    limit_memory(cold_weights_ ? 2 * kKernelBytes : kKernelBytes);
    tensors_ = std::move(tensors);
    return *tensors_;
}

std::unique_ptr<Measurer::Bound> Measurer::bind(const KernelObject& kernel, Tensors& tensors) {
    auto bound = std::make_unique<Bound>();
    bound->loaded = loader_.load(kernel.object);
    const auto find = [&bound](const std::string& name) {
        void* const address = bound->loaded->symbol(name);
        if (address == nullptr) throw run_failed(fmt::format("the kernel has no function '{}'", name));
        return address;
    };
    bound->run.function = find(kernel.run_symbol);
    bound->added = only_epilogue_tensor(tensors.arguments, kernel.in_place);
    if (!kernel.pack_symbol.empty()) {
        if (tensors.weight == SIZE_MAX || tensors.problem.weights() == Weights::fresh)
            throw run_failed("the kernel packs a weight, but the problem fixes none");
        bound->pack_function = find(kernel.pack_symbol);
        bound->packed = std::make_unique<GuardedMemory>("packed weight", static_cast<size_t>(kernel.packed_bytes));
    }
    return bound;
}

void Measurer::use_conditions(const std::string& text) {
    if (text == conditions_) return;
    const Conditions conditions = Conditions::parse(text);
    const bool throughput = conditions.objective == Objective::throughput;
    if (throughput && (conditions.threads > 1 || conditions.cache != CacheState::warm))
        throw run_failed(fmt::format("throughput is measured of warm calls of one thread, not '{}'", text));
    cold_weights_ = conditions.cache == CacheState::cold_weights;
    // The last core first: the first ones serve more interrupts.
    std::vector<int> cpus = host().core_cpus;
    std::reverse(cpus.begin(), cpus.end());
    cpus.resize(std::min(cpus.size(), static_cast<size_t>(std::max(1, conditions.threads))));
    tilesmith_rt_set_num_threads(conditions.threads);
    tilesmith_rt_set_affinity(cpus.data(), static_cast<int>(cpus.size()));
    pin_to(cpus.front());
    crew_.reset();
    if (throughput) {
        if (static_cast<size_t>(conditions.copies) > host().core_cpus.size())
            throw run_failed(fmt::format("{} copies on {} cores", conditions.copies, host().core_cpus.size()));
        std::vector<int> cores = host().core_cpus;
        cores.resize(static_cast<size_t>(conditions.copies));
        crew_ = std::make_unique<Crew>(cores);
    }
    conditions_ = text;
}

// Once at each place where a wrong access shows; null when all is right.
std::optional<Outcome> Measurer::check(Bound& kernel, Tensors& tensors) {
    const auto fault = [&](const char* circumstance) -> std::optional<Outcome> {
        const int code = call_kernel(kernel.run.function, kernel.run.arguments);
        if (code != 0) return failed_call(code);
        const auto wrong = difference(tensors.problem, tensors.expected, tensors.output->floats(), tensors.allowed);
        return wrong ? std::optional(Outcome::failed(Status::wrong_result, *wrong + circumstance)) : std::nullopt;
    };
    for (const Placement placement : {Placement::misaligned, Placement::start_at_guard, Placement::end_at_guard}) {
        tensors.place(placement);
        if (const int code = kernel.prepare(tensors, placement); code != 0) return failed_call(code);
        const bool misaligned = placement == Placement::misaligned;
        if (auto failed = fault(misaligned ? ", with all tensors 4 bytes off a 64-byte line" : "")) return failed;
        if (!kernel.added) continue;
        kernel.add_in_place(tensors);
        if (auto failed = fault(", adding in place")) return failed;
    }
    return std::nullopt;
}

Outcome Measurer::measure(const MeasureRequest& request) {
    use_conditions(request.conditions);
    Tensors& tensors = tensors_for(request.data);
    set_contender(-1);
    Outcome outcome;
    try {
        const std::unique_ptr<Bound> kernel = bind(request.kernel, tensors);
        channel_.write_stage("checking");
        if (auto wrong = check(*kernel, tensors)) return *wrong;
        if (!request.timed) return outcome;
        tensors.place(kTimed);
        kernel->prepare(tensors, kTimed);
        kernel->add_in_place(tensors);
        if (cold_weights_) kernel->cool(tensors);
        if (crew_) kernel->share(tensors, *crew_);
        const TimingLock lock(lock_path_, [this] { channel_.write_stage("waiting"); });
        channel_.write_stage("timing");
        const double before = time_reference_loop();
        Timed timed = time_kernel(kernel->run, request.timing);
        outcome.samples_ns = std::move(timed.samples_ns);
        outcome.censored = timed.censored;
        outcome.reference_ns = (before + time_reference_loop()) / 2;
    } catch (const Error& error) {
        return Outcome::failed(Status::run_failed, error.what());
    }
    return outcome;
}

std::vector<Outcome> Measurer::compare(const CompareRequest& request) {
    use_conditions(request.conditions);
    Tensors& tensors = tensors_for(request.data);
    tensors.place(kTimed);
    std::vector<Outcome> outcomes(request.kernels.size());
    std::vector<std::unique_ptr<Bound>> kernels;
    std::vector<KernelCall> calls;
    for (size_t k = 0; k < request.kernels.size(); ++k) {
        set_contender(static_cast<int>(k));
        kernels.push_back(bind(request.kernels[k], tensors));
        if (const int code = kernels.back()->prepare(tensors, kTimed); code != 0)
            throw run_failed(failed_call(code).reason);
        kernels.back()->add_in_place(tensors);
        if (cold_weights_) kernels.back()->cool(tensors);
        if (crew_) kernels.back()->share(tensors, *crew_);
        calls.push_back(kernels.back()->run);
    }
    const TimingLock lock(lock_path_, [this] { channel_.write_stage("waiting"); });
    channel_.write_stage("timing");
    const double before = time_reference_loop();
    auto samples = time_in_turn(calls, request, set_contender);
    const double reference_ns = (before + time_reference_loop()) / 2;
    for (size_t k = 0; k < outcomes.size(); ++k) {
        outcomes[k].samples_ns = std::move(samples[k]);
        outcomes[k].reference_ns = reference_ns;
    }
    return outcomes;
}

}  // namespace tilesmith
