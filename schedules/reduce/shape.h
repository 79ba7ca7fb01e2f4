// A reduction's extents, of x[outer,reduced,kept,inner,kept2,inner2,kept3,inner3,kept4], and what follows from them.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/problem.h"

namespace tilesmith {

// The pairs of the groups of axes, outermost first. Those at even places are kept, those at odd places reduced.
inline constexpr std::array kReduceGroups{"outer",  "reduced", "kept",   "inner", "kept2",
                                          "inner2", "kept3",   "inner3", "kept4"};

struct ReduceShape {
    // Without the last groups of 1, so that most arrays have four axes.
    explicit ReduceShape(const Problem& problem) {
        for (const char* name : kReduceGroups) groups.push_back(problem[name]);
        groups.push_back(1);
        while (groups.size() > 4 && groups[groups.size() - 2] == 1 && groups.back() == 1)
            groups.resize(groups.size() - 2);
    }

    std::vector<int64_t> groups;  // an even number, at least four

    // Outermost first.
    [[nodiscard]] std::vector<int64_t> kept_extents() const { return every_second(0); }
    [[nodiscard]] std::vector<int64_t> reduced_extents() const { return every_second(1); }
    // How many elements are reduced to one.
    [[nodiscard]] int64_t terms() const {
        int64_t product = 1;
        for (const int64_t extent : reduced_extents()) product *= extent;
        return product;
    }

    // The same memory in as few groups as there can be: none of 1 but the last, where the innermost axis is kept, and
    // those in front that make up the number.
    [[nodiscard]] ReduceShape merged() const {
        std::vector<int64_t> inside_out{1};
        for (size_t place = groups.size(); place-- > 0;) {
            if (groups[place] == 1) continue;
            const bool same_kind = (place % 2 == 1) == (inside_out.size() % 2 == 1);
            if (same_kind)
                inside_out.back() *= groups[place];
            else
                inside_out.push_back(groups[place]);
        }
        while (inside_out.size() < 4 || inside_out.size() % 2 == 1) inside_out.push_back(1);
        ReduceShape shape = *this;
        shape.groups.assign(inside_out.rbegin(), inside_out.rend());
        return shape;
    }

  private:
    [[nodiscard]] std::vector<int64_t> every_second(size_t first) const {
        std::vector<int64_t> extents;
        for (size_t place = first; place < groups.size(); place += 2) extents.push_back(groups[place]);
        return extents;
    }
};

// The merged groups as the templates loop over them: the innermost ones by themselves, and those around them.
struct FoldShape {
    explicit FoldShape(const Problem& problem) {
        const std::vector<int64_t> groups = ReduceShape(problem).merged().groups;
        const auto last = groups.rbegin();
        inner = last[0];
        kept = last[1];
        reduced = last[2];
        around.assign(last + 3, groups.rend());
        for (size_t place = 0; place < around.size(); ++place) (place % 2 == 0 ? outer : times) *= around[place];
    }

    int64_t reduced = 1, kept = 1, inner = 1;
    // The groups around them, innermost first: kept, reduced, kept, ..., kept. Mostly there is but one.
    std::vector<int64_t> around;
    int64_t outer = 1;  // elements of those that are kept
    int64_t times = 1;  // of those that are reduced

    [[nodiscard]] bool nested() const { return around.size() > 1; }
    // How many elements are reduced to one.
    [[nodiscard]] int64_t terms() const { return times * reduced * inner; }
    // In Halide's order, that of an x whose innermost dimensions are `inside`.
    [[nodiscard]] std::vector<int64_t> input_extents(std::vector<int64_t> inside) const {
        inside.insert(inside.end(), around.begin(), around.end());
        return inside;
    }
    [[nodiscard]] std::vector<int64_t> output_extents() const { return {kept, outer}; }
};

}  // namespace tilesmith
