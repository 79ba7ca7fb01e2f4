#include "worker/test_data.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/error.h"
#include "core/rng.h"

namespace tilesmith {

namespace {

// What accuracy=fast allows: so many times the error of a plain sum.
constexpr double kFastErrors = 4;

bool has(const Problem& problem, EpilogueOp op) {
    return std::find(problem.epilogue().begin(), problem.epilogue().end(), op) != problem.epilogue().end();
}

// The ranges of one problem's random values.
struct Ranges {
    int64_t reduction = 1;
    int integer = 1;         // inputs and weights: whole numbers up to this
    double density = 1;      // and this part of them not zero
    double real_first = 1;   // the first input: reals up to this
    double real_weight = 1;  // the others
    bool keep_low = false;   // relu6 follows: sums of about 3
};

Ranges ranges_of(const Problem& problem) {
    Ranges ranges;
    const Operator& op = operator_of(problem);
    ranges.reduction = std::max<int64_t>(1, op.reduction(problem));
    if (!op.spec.exact) {
        ranges.integer = 4;
        ranges.real_first = op.largest_input;
        return ranges;
    }
    const auto n = static_cast<double>(ranges.reduction);
    constexpr double kMostSum = 0x1p21;  // leaves three bits for bias, add and scale below 2^24
    ranges.integer = std::clamp(static_cast<int>(std::sqrt(kMostSum / n)), 1, 4);
    ranges.real_weight = std::min(1.0, 3 / std::sqrt(n));
    if (has(problem, EpilogueOp::relu6)) {
        ranges.keep_low = true;
        ranges.integer = 1;
        ranges.density = std::min(1.0, std::sqrt(8 / n));  // about eight products of +-1 in a sum
    }
    return ranges;
}

float whole(Rng& rng, int least, int most) {
    return static_cast<float>(least + static_cast<int>(rng.below(static_cast<uint64_t>(most - least + 1))));
}

float real(Rng& rng, double least, double most) { return static_cast<float>(least + (most - least) * rng.uniform()); }

float factor(Rng& rng, const Ranges& ranges, Values values, bool first) {
    if (values == Values::reals) {
        const double most = first ? ranges.real_first : ranges.real_weight;
        return real(rng, -most, most);
    }
    if (ranges.density < 1) {
        if (rng.uniform() >= ranges.density) return 0;
        return rng.below(2) == 0 ? -1.0F : 1.0F;
    }
    return whole(rng, -ranges.integer, ranges.integer);
}

float epilogue_value(Rng& rng, const Ranges& ranges, Values values, const std::string& name) {
    if (name == epilogue_info(EpilogueOp::scale).name) {
        constexpr float kScales[] = {0.5F, 1, 2, -1};
        return values == Values::reals ? real(rng, 0.5, 1.5) : kScales[rng.below(4)];
    }
    if (values == Values::reals) return real(rng, -1, 1);
    return ranges.keep_low ? whole(rng, 0, 4) : whole(rng, -4, 4);
}

std::string index_text(size_t flat, const std::vector<int64_t>& shape) {
    std::vector<int64_t> index(shape.size());
    auto rest = static_cast<int64_t>(flat);
    for (size_t d = shape.size(); d-- > 0;) {
        index[d] = rest % shape[d];
        rest /= shape[d];
    }
    return fmt::format("[{}]", fmt::join(index, ","));
}

}  // namespace

std::string_view values_name(Values values) { return values == Values::integers ? "integers" : "reals"; }

Values values_named(std::string_view name) {
    for (const Values values : {Values::integers, Values::reals})
        if (values_name(values) == name) return values;
    throw run_failed(fmt::format("unknown kind of values '{}'", name));
}

std::vector<std::vector<float>> make_inputs(const Problem& problem, uint64_t seed, Values values) {
    const Ranges ranges = ranges_of(problem);
    std::vector<Argument> arguments = operator_of(problem).arguments(problem);
    arguments.pop_back();  // the output
    Rng rng(seed);
    std::vector<std::vector<float>> inputs;
    for (const Argument& argument : arguments) {
        std::vector<float>& input = inputs.emplace_back(static_cast<size_t>(argument.elements()));
        const bool first = inputs.size() == 1;
        for (float& value : input)
            value = argument.role == Role::epilogue ? epilogue_value(rng, ranges, values, argument.name)
                                                    : factor(rng, ranges, values, first);
    }
    return inputs;
}

std::vector<float> reference_output(const Problem& problem, const std::vector<std::vector<float>>& inputs) {
    const Operator& op = operator_of(problem);
    std::vector<const float*> pointers;
    pointers.reserve(inputs.size());
    for (const std::vector<float>& input : inputs) pointers.push_back(input.data());
    std::vector<float> output(static_cast<size_t>(op.arguments(problem).back().elements()));
    op.reference(problem, pointers, output.data());
    return output;
}

Tolerance tolerance(const Problem& problem, Values values) {
    if (values == Values::integers && problem.exact()) return {};
    if (const Operator& op = operator_of(problem); op.tolerance != nullptr) return op.tolerance(problem);
    const bool reals = values == Values::reals;
    const Ranges ranges = ranges_of(problem);
    const double product = reals ? ranges.real_weight : ranges.integer * ranges.integer;
    const double addend = reals ? 1 : 4;
    const double scale = reals ? 1.5 : 2;
    auto terms = static_cast<double>(ranges.reduction);
    double sum = terms * product;                                     // of absolute values, at most
    double argument = std::min(sum, 8 * std::sqrt(terms) * product);  // of gelu and the like, with the same probability
    double slope = 1;
    double approximation = 0;
    for (const EpilogueOp op : problem.epilogue()) {
        terms += 1;
        if (op == EpilogueOp::bias || op == EpilogueOp::add) {
            sum += addend;
            argument += addend;
        } else if (op == EpilogueOp::scale) {
            sum *= scale;
            argument *= scale;
            approximation *= scale;
        } else if (const EpilogueInfo& info = epilogue_info(op); !info.exact) {
            slope *= info.slope;
            approximation = info.slope * approximation + 1e-6 * argument;
        }
    }
    constexpr double kRounding = 0x1p-24;
    if (problem.accuracy() == Accuracy::fast) sum *= kFastErrors;
    return {.absolute = 2 * std::min(terms, 8 * std::sqrt(terms)) * kRounding * sum * slope + approximation};
}

std::optional<std::string> difference(const Problem& problem, std::span<const float> expected,
                                      std::span<const float> got, const Tolerance& tolerance) {
    if (expected.size() != got.size()) throw run_failed("outputs of different sizes are compared");
    if (std::memcmp(expected.data(), got.data(), expected.size_bytes()) == 0) return std::nullopt;
    size_t wrong = 0;
    size_t unwritten = 0;
    size_t first = 0;
    for (size_t i = 0; i < expected.size(); ++i) {
        if (tolerance.allows(expected[i], got[i])) continue;
        if (wrong++ == 0) first = i;
        if (std::isnan(got[i])) ++unwritten;
    }
    if (wrong == 0) return std::nullopt;
    const double margin = tolerance.absolute + tolerance.relative * std::abs(static_cast<double>(expected[first]));
    const Argument output = operator_of(problem).arguments(problem).back();
    return fmt::format("{}{} is {}, expected {}{}; {} of {} elements are wrong{}", output.name,
                       index_text(first, output.shape), got[first], expected[first],
                       margin > 0 ? fmt::format(" +- {:.3g}", margin) : "", wrong, expected.size(),
                       unwritten > 0 ? fmt::format(" ({} of them not a number: never written?)", unwritten) : "");
}

}  // namespace tilesmith
