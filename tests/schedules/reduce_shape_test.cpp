#include "schedules/reduce/shape.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "core/rng.h"
#include "schedules/operator.h"

using namespace tilesmith;

namespace {

using Groups = std::vector<int64_t>;

Groups merged(const std::string& pairs) { return ReduceShape(parse_problem("reduce_sum" + pairs)).merged().groups; }

// Nine groups of 1 to 3.
Groups random_groups(Rng& rng) {
    Groups groups;
    for (size_t place = 0; place < kReduceGroups.size(); ++place)
        groups.push_back(1 + static_cast<int64_t>(rng.below(3)));
    return groups;
}

std::string pairs_of(const Groups& groups) {
    std::string text;
    for (size_t place = 0; place < groups.size(); ++place)
        text += fmt::format(" {}={}", kReduceGroups[place], groups[place]);
    return text;
}

std::string shape_of(const Groups& groups) { return fmt::format(" shape={} axes=1,3,5,7", fmt::join(groups, "x")); }

using Floats = std::vector<float>;

Floats counted(int64_t count) {
    Floats x;
    for (int64_t i = 0; i < count; ++i) x.push_back(static_cast<float>(i % 101));
    return x;
}

// Each element is added to the output that its place among the kept axes says.
Floats plain_sums(const Groups& groups, const Floats& x) {
    Floats y(x.size());
    size_t outputs = 1;
    for (size_t i = 0; i < x.size(); ++i) {
        int64_t rest = static_cast<int64_t>(i), output = 0, stride = 1;
        for (size_t place = groups.size(); place-- > 0; rest /= groups[place]) {
            if (place % 2 == 1) continue;
            output += rest % groups[place] * stride;
            stride *= groups[place];
        }
        y[static_cast<size_t>(output)] += x[i];
        outputs = static_cast<size_t>(stride);
    }
    y.resize(outputs);
    return y;
}

Floats sums(const Problem& problem, const Floats& x) {
    const Operator& op = operator_of(problem);
    Floats y(static_cast<size_t>(op.arguments(problem).back().elements()));
    const float* const input = x.data();
    op.reference(problem, {&input, 1}, y.data());
    return y;
}

}  // namespace

TEST_CASE("reductions: merged groups are as few as there can be, and none but outer ones and the last is 1", "[unit]") {
    CHECK(merged(" reduced=1") == Groups{1, 1, 1, 1});
    CHECK(merged(" reduced=6") == Groups{1, 1, 1, 6});
    CHECK(merged(" outer=2 reduced=1 kept=3") == Groups{1, 1, 6, 1});
    CHECK(merged(" outer=2 reduced=3 inner=5") == Groups{1, 1, 2, 15});
    CHECK(merged(" reduced=2 kept=3") == Groups{1, 2, 3, 1});
    CHECK(merged(" outer=2 reduced=3 kept=4 inner=5") == Groups{2, 3, 4, 5});
    CHECK(merged(" outer=2 reduced=3 kept2=4 inner3=5") == Groups{2, 3, 4, 5});
    CHECK(merged(" outer=2 reduced=3 kept=4 inner=5 kept2=6") == Groups{2, 3, 4, 5, 6, 1});
    CHECK(merged(" reduced=3 kept=4 inner=5 kept2=6 inner2=7") == Groups{1, 3, 4, 5, 6, 7});
    CHECK(merged(" outer=2 reduced=3 kept=4 inner=5 kept2=6 inner2=7 kept3=8") == Groups{2, 3, 4, 5, 6, 7, 8, 1});
}

TEST_CASE("reductions: however the groups of an array are written, they are merged to the same and sum up the same",
          "[unit]") {
    Rng rng(20261125);
    for (int i = 0; i < 200; ++i) {
        const Groups groups = random_groups(rng);
        const Problem written = parse_problem("reduce_sum" + pairs_of(groups));
        const Problem shortest = parse_problem("reduce_sum" + shape_of(groups));
        CAPTURE(written.text(), shortest.text());
        CHECK(ReduceShape(written).merged().groups == ReduceShape(shortest).merged().groups);
        CHECK(ReduceShape(written).terms() == ReduceShape(written).merged().terms());
        const Floats x = counted(operator_of(written).arguments(written).front().elements());
        const Floats expected = plain_sums(groups, x);
        CHECK(sums(written, x) == expected);
        CHECK(sums(shortest, x) == expected);
    }
}
