#include "core/outcome.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <utility>

namespace tilesmith {

namespace {

constexpr std::array<std::pair<Status, std::string_view>, 8> kNames{{
    {Status::ok, "ok"},
    {Status::illegal, "illegal"},
    {Status::compile_failed, "compile_failed"},
    {Status::wrong_result, "wrong_result"},
    {Status::crashed, "crashed"},
    {Status::timed_out, "timed_out"},
    {Status::out_of_memory, "out_of_memory"},
    {Status::run_failed, "run_failed"},
}};

}  // namespace

std::string_view status_name(Status status) {
    for (const auto& [value, name] : kNames)
        if (value == status) return name;
    return "unknown";
}

std::optional<Status> status_named(std::string_view name) {
    for (const auto& [value, text] : kNames)
        if (text == name) return value;
    return std::nullopt;
}

double median(std::vector<double> values) {
    assert(!values.empty());
    const size_t half = values.size() / 2;
    std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(half), values.end());
    const double upper = values[half];
    if (values.size() % 2 == 1) return upper;
    const double lower = *std::max_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(half));
    return (lower + upper) / 2;
}

Interval median_interval(std::vector<double> values) {
    assert(!values.empty());
    std::sort(values.begin(), values.end());
    const size_t n = values.size();
    // The ranks of the normal approximation to Binomial(n, 1/2), Conover, Practical Nonparametric Statistics, 3.2.
    const double half_width = 1.96 * std::sqrt(static_cast<double>(n)) / 2;
    const auto below = static_cast<std::ptrdiff_t>(std::floor(static_cast<double>(n) / 2 - half_width));
    if (n < 6 || below < 1) return {values.front(), values.back()};
    return {values[static_cast<size_t>(below) - 1], values[n - static_cast<size_t>(below)]};
}

}  // namespace tilesmith
