// The check of a finished library, in a process of its own: whatever a wrong kernel does, the export goes on to say so.
// Inputs and tolerances are those of every trial (worker/test_data.h). Tensors lie flush against inaccessible pages,
// once at their beginnings and once at their ends, and then at the weakest alignment.
#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/error.h"
#include "export/export.h"
#include "export/kernel.h"
#include "worker/guarded_memory.h"
#include "worker/test_data.h"

namespace tilesmith {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMostArguments = 24;

template <class Result, size_t... I>
Result call_exactly(void* function, const uint64_t* arguments, std::index_sequence<I...>) {
    return reinterpret_cast<Result (*)(decltype(I, uint64_t{})...)>(function)(arguments[I]...);
}

// Calls a C function of integers and pointers.
template <class Result>
Result call(void* function, const std::vector<uint64_t>& arguments) {
    return [&]<size_t... N>(std::index_sequence<N...>) {
        using Caller = Result (*)(void*, const uint64_t*);
        static constexpr std::array<Caller, sizeof...(N)> callers = {
            [](void* f, const uint64_t* a) { return call_exactly<Result>(f, a, std::make_index_sequence<N>()); }...};
        return callers.at(arguments.size())(function, arguments.data());
    }
    (std::make_index_sequence<kMostArguments + 1>());
}

uint64_t word(const void* pointer) { return reinterpret_cast<uint64_t>(pointer); }

// Opens the library and calls its functions by name.
class OpenLibrary {
  public:
    explicit OpenLibrary(const std::string& path) : handle_(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
        if (handle_ == nullptr) throw negative_answer(std::string("the library cannot be loaded: ") + dlerror());
    }

    // Also tells the parent what is running, should it crash.
    void* function(const std::string& name) {
        void* const address = dlsym(handle_, name.c_str());
        if (address == nullptr) throw negative_answer("the library lacks the function " + name);
        std::cout << Json{{"checking", name}}.dump() << std::endl;
        ++functions_;
        return address;
    }

    void expect(int code, int expected, const std::string& name) {
        if (code == expected) return;
        const auto error_name = reinterpret_cast<const char* (*)(int)>(dlsym(handle_, error_name_.c_str()));
        const auto text = [&](int c) { return error_name == nullptr ? std::to_string(c) : error_name(c); };
        throw negative_answer(fmt::format("{} returned {} ({}) where {} ({}) is right", name, code, text(code),
                                          expected, text(expected)));
    }

    void set_error_name(const std::string& name) { error_name_ = name; }
    [[nodiscard]] int functions() const { return functions_; }

  private:
    void* handle_;
    std::string error_name_;
    int functions_ = 0;
};

// One problem with inputs and the right result.
class Case {
  public:
    explicit Case(const Problem& problem) : problem_(problem), arguments_(operator_of(problem).arguments(problem)) {
        constexpr uint64_t kSeed = 1;
        const Values values = first_values(problem);
        const std::vector<std::vector<float>> inputs = make_inputs(problem, kSeed, values);
        right_ = reference_output(problem, inputs);
        tolerance_ = tolerance(problem, values);
        for (size_t i = 0; i < arguments_.size(); ++i) {
            const Argument& argument = arguments_[i];
            memory_.push_back(std::make_unique<GuardedMemory>(argument.name, static_cast<size_t>(argument.bytes())));
            if (i < inputs.size()) std::copy(inputs[i].begin(), inputs[i].end(), memory_.back()->floats().begin());
        }
    }

    // Moves the tensors. The inputs cannot be written afterwards.
    void place(Placement placement) {
        for (const auto& memory : memory_) {
            memory->place(placement);
            if (memory != memory_.back()) memory->make_read_only();
        }
    }

    [[nodiscard]] void* pointer(size_t index) const { return memory_[index]->data(); }

    // The arguments of a call; `packed` (may be null) instead of argument `packed_index`.
    [[nodiscard]] std::vector<uint64_t> words(std::optional<size_t> packed_index, const void* packed) const {
        std::vector<uint64_t> out;
        for (size_t i = 0; i < memory_.size(); ++i) out.push_back(word(packed_index == i ? packed : pointer(i)));
        return out;
    }

    void clear_output() { memory_.back()->fill_with_nan(); }
    void copy_to_output(size_t argument) {
        const std::span<const float> from = memory_[argument]->floats();
        std::copy(from.begin(), from.end(), memory_.back()->floats().begin());
    }

    void compare(const std::string& name) const {
        const auto wrong = difference(problem_, right_, memory_.back()->floats(), tolerance_);
        if (wrong) throw negative_answer(name + " is wrong: " + *wrong);
    }

    [[nodiscard]] const std::vector<Argument>& arguments() const { return arguments_; }

  private:
    Problem problem_;
    std::vector<Argument> arguments_;
    std::vector<std::unique_ptr<GuardedMemory>> memory_;
    std::vector<float> right_;
    Tolerance tolerance_;
};

// The functions of one kernel, called with `extents` before their own arguments (a dispatcher) or without (a kernel).
class Check {
  public:
    Check(OpenLibrary& library, Case& data, const Json& functions, std::vector<uint64_t> extents)
        : library_(library), data_(data), json_(functions), extents_(std::move(extents)) {
        if (!json_.contains("packed")) return;
        for (size_t i = 0; i < data_.arguments().size(); ++i) {
            if (data_.arguments()[i].role == Role::weight) weight_ = i;
        }
    }

    void run() {
        data_.place(Placement::start_at_guard);
        const std::unique_ptr<GuardedMemory> packed = weight_ ? pack() : nullptr;
        const std::string name = json_["symbol"];
        void* const function = library_.function(name);
        for (const Placement placement : {Placement::start_at_guard, Placement::end_at_guard, Placement::misaligned}) {
            data_.place(placement);
            if (packed) packed->place(placement);
            const void* const weight = packed ? packed->data() : nullptr;
            data_.clear_output();
            run_once(function, name, arguments(weight));
            run_in_place(function, name, weight);
            if (json_.contains("workspace")) run_with_workspace(weight, placement);
        }
        std::vector<uint64_t> missing = arguments(packed ? packed->data() : nullptr);
        missing.back() = 0;
        library_.expect(call<int>(function, missing), kNullPointerCode, name + " with a null pointer");
    }

    void expect_no_kernel() {
        const std::string name = json_["symbol"];
        library_.expect(call<int>(library_.function(name), arguments(data_.pointer(0))), kNoKernelCode, name);
    }

  private:
    std::vector<uint64_t> arguments(const void* packed) {
        std::vector<uint64_t> out = extents_;
        for (const uint64_t w : data_.words(weight_, packed)) out.push_back(w);
        return out;
    }

    std::unique_ptr<GuardedMemory> pack() {
        const std::string bytes_name = json_["packed"]["bytes_symbol"], pack_name = json_["packed"]["pack_symbol"];
        const auto bytes = call<size_t>(library_.function(bytes_name), extents_);
        if (bytes == 0) throw negative_answer(bytes_name + " returned 0");
        auto packed = std::make_unique<GuardedMemory>("packed", bytes);
        void* const function = library_.function(pack_name);
        for (const Placement placement : {Placement::start_at_guard, Placement::end_at_guard}) {
            packed->place(placement);
            std::vector<uint64_t> words = extents_;
            words.insert(words.end(), {word(data_.pointer(*weight_)), word(packed->data())});
            library_.expect(call<int>(function, words), 0, pack_name);
        }
        return packed;
    }

    void run_once(void* function, const std::string& what, const std::vector<uint64_t>& words) {
        library_.expect(call<int>(function, words), 0, what);
        data_.compare(what);
    }

    void run_in_place(void* function, const std::string& name, const void* packed) {
        const std::vector<std::string> in_place = json_.value("in_place", std::vector<std::string>());
        for (size_t i = 0; i < data_.arguments().size(); ++i) {
            const std::string& argument = data_.arguments()[i].name;
            if (std::find(in_place.begin(), in_place.end(), argument) == in_place.end()) continue;
            std::vector<uint64_t> words = arguments(packed);
            words[extents_.size() + i] = words.back();
            data_.copy_to_output(i);
            run_once(function, fmt::format("{} with {} as the output", name, argument), words);
        }
    }

    void run_with_workspace(const void* packed, Placement placement) {
        const std::string bytes_name = json_["workspace"]["bytes_symbol"], run_name = json_["workspace"]["run_symbol"];
        GuardedMemory space("workspace", call<size_t>(library_.function(bytes_name), {}));
        space.place(placement);
        std::vector<uint64_t> words = arguments(packed);
        words.insert(words.end(), {word(space.data()), space.bytes()});
        data_.clear_output();
        run_once(library_.function(run_name), run_name, words);
    }

    OpenLibrary& library_;
    Case& data_;
    const Json& json_;
    std::vector<uint64_t> extents_;
    std::optional<size_t> weight_;
};

void check_dispatcher(OpenLibrary& library, Case& data, const Problem& problem, const Json& manifest,
                      const std::string& symbol) {
    for (const Json& dispatcher : manifest["dispatchers"]) {
        const Json& kernels = dispatcher["kernels"];
        if (std::find(kernels.begin(), kernels.end(), symbol) == kernels.end()) continue;
        std::vector<uint64_t> extents;
        for (const auto& [name, value] : extents_of(problem)) extents.push_back(static_cast<uint64_t>(value));
        Check(library, data, dispatcher, extents).run();
        extents.assign(extents.size(), 0);
        Check(library, data, dispatcher, extents).expect_no_kernel();
    }
}

int check_library(const std::string& path, const std::string& manifest_path) {
    std::ifstream file(manifest_path);
    const Json manifest = Json::parse(file);
    OpenLibrary library(path);
    const Json& functions = manifest["functions"];
    library.set_error_name(functions["error_name"]);
    const char* const ok = call<const char*>(library.function(functions["error_name"]), {0});
    if (std::string(ok) != "ok") throw negative_answer("the library has no name for the code 0");
    for (const Json& kernel : manifest["kernels"]) {
        const Problem problem = parse_problem(kernel["problem"].get<std::string>());
        Case data(problem);
        Check(library, data, kernel, {}).run();
        check_dispatcher(library, data, problem, manifest, kernel["symbol"]);
    }
    call<int>(library.function(functions["set_parallel_for"]), {0, 0});
    call<int>(library.function(functions["set_num_threads"]), {1});
    return library.functions();
}

}  // namespace

int verify_library_main(const std::string& library, const std::string& manifest) {
    try {
        const int functions = check_library(library, manifest);
        std::cout << Json{{"functions", functions}}.dump() << std::endl;
        return 0;
    } catch (const Error& error) {
        std::cout << Json{{"error", error.what()}}.dump() << std::endl;
        return error.exit_status();
    } catch (const std::exception& error) {
        std::cout << Json{{"error", error.what()}}.dump() << std::endl;
        return 3;
    }
}

}  // namespace tilesmith
