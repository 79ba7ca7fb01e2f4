#include "schedules/reduce/axes.h"

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/error.h"
#include "schedules/reduce/shape.h"

namespace tilesmith {

namespace {

// Which axes are reduced; negative ones are counted from the end.
std::vector<bool> reduced_axes(const std::string& axes, int64_t rank) {
    std::vector<bool> reduced(static_cast<size_t>(rank));
    for (const int64_t axis : parse_numbers("axes", axes, ',', -rank, rank - 1)) {
        const auto place = static_cast<size_t>(axis < 0 ? axis + rank : axis);
        if (reduced[place]) throw bad_input(fmt::format("axis {} is there twice in axes={}", place, axes));
        reduced[place] = true;
    }
    return reduced;
}

// Axes of 1 are left out; neighbours of one kind are one group.
std::vector<int64_t> group_extents(const std::vector<std::string>& values) {
    const std::vector<int64_t> shape = parse_numbers("shape", values[0], 'x', 1, INT32_MAX);
    const std::vector<bool> reduced = reduced_axes(values[1], std::ssize(shape));
    std::vector<int64_t> groups{1};
    for (size_t place = 0; place < shape.size(); ++place) {
        if (shape[place] == 1) continue;
        const bool in_reduced_group = groups.size() % 2 == 0;
        if (reduced[place] != in_reduced_group) groups.push_back(1);
        if (groups.back() > INT32_MAX / shape[place])
            throw bad_input(fmt::format("shape={} is too large", values[0]), "each tensor must stay below 2^31 bytes");
        groups.back() *= shape[place];
    }
    if (groups.size() > kReduceGroups.size())
        throw bad_input(
            fmt::format("kept and reduced axes alternate too often in shape={} axes={}", values[0], values[1]),
            fmt::format("neighbours of one kind count as one: at most {}, the first of them kept",
                        kReduceGroups.size()));
    groups.resize(kReduceGroups.size(), 1);
    return groups;
}

std::vector<std::pair<std::string, int64_t>> expand(const std::vector<std::string>& values) {
    const std::vector<int64_t> groups = group_extents(values);
    std::vector<std::pair<std::string, int64_t>> pairs;
    for (size_t place = 0; place < groups.size(); ++place) pairs.emplace_back(kReduceGroups[place], groups[place]);
    return pairs;
}

}  // namespace

Shorthand shape_and_axes() { return {.names = {"shape", "axes"}, .expand = expand}; }

}  // namespace tilesmith
