// The templates of the reductions, on shapes that divide nothing: what their schedules compute is what the naive loops
// compute, and nothing is touched outside the arguments.
#include <catch2/catch.hpp>
#include <string>

#include "schedules/operator.h"
#include "schedules/reduce/shape.h"
#include "template_check.h"

namespace tilesmith {
namespace {

std::string fault(const std::string& problem, const std::string& template_name, int threads = 1) {
    Conditions conditions;
    conditions.threads = threads;
    return first_fault(problem, template_name, 3, conditions, 20261103);
}

// "=7": half of the groups are 1, and few are long.
std::string pick_extent(Rng& rng) {
    return "=" + std::to_string(rng.below(8) == 0 ? 17 + rng.below(30) : 1 + rng.below(2) * rng.below(7));
}

TEST_CASE("fold_rows: schedules reduce the last axis, whatever its length", "[kernel]") {
    const std::string op = GENERATE("reduce_sum", "reduce_max");
    const std::string shape = GENERATE(" reduced=2", " outer=3 reduced=7", " outer=5 reduced=8", " outer=13 reduced=31",
                                       " outer=4 reduced=33", " outer=2 reduced=771", " reduced=20011");
    CHECK(fault(op + shape, "fold_rows") == "");
}

TEST_CASE("fold_rows: schedules reduce two groups of axes, whatever lies between", "[kernel]") {
    const std::string op = GENERATE("reduce_sum", "reduce_max");
    const std::string shape = GENERATE(" reduced=3 kept=2 inner=2", " outer=2 reduced=5 kept=17 inner=3",
                                       " reduced=4 kept=9 inner=49", " outer=3 reduced=2 kept=8 inner=131",
                                       " outer=2 reduced=1 kept=5 inner=7", " outer=3 reduced=6 kept=1 inner=11");
    CHECK(fault(op + shape, "fold_rows") == "");
}

TEST_CASE("fold_rows: runs below a vector are reduced a vector of outputs at a time", "[kernel]") {
    CHECK(fault("reduce_sum outer=101 reduced=3", "fold_rows") == "");
    CHECK(fault("reduce_max outer=3 reduced=2 kept=23 inner=5", "fold_rows") == "");
}

TEST_CASE("fold_columns: schedules reduce all but the last axis, whatever its length", "[kernel]") {
    const std::string op = GENERATE("reduce_sum", "reduce_max");
    const std::string shape =
        GENERATE(" reduced=1", " reduced=1 kept=19", " outer=7 reduced=1 kept=3", " reduced=2 kept=8",
                 " reduced=9 kept=33", " outer=3 reduced=49 kept=100", " reduced=37 kept=771", " reduced=3 kept=5003");
    CHECK(fault(op + shape, "fold_columns") == "");
}

TEST_CASE("fold_columns: rows below a vector lie side by side", "[kernel]") {
    const std::string op = GENERATE("reduce_sum", "reduce_max");
    const std::string shape = GENERATE(" reduced=1003 kept=2", " outer=2 reduced=77 kept=3", " reduced=50 kept=7",
                                       " outer=9 reduced=5 kept=3");
    CHECK(fault(op + shape, "fold_columns") == "");
}

TEST_CASE("fold_columns: schedules reduce axes that alternate more often, before a kept one of any length",
          "[kernel]") {
    const std::string op = GENERATE("reduce_sum", "reduce_max");
    const std::string shape =
        GENERATE(" outer=2 reduced=3 kept=4 inner=5 kept2=64", " outer=3 reduced=2 kept=3 inner=37 kept2=3",
                 " outer=2 reduced=2 kept=3 inner=2 kept2=2 inner2=3 kept3=5",
                 " reduced=3 kept=2 inner=5 kept2=3 inner2=7 kept3=19", " outer=2 reduced=3 kept=2 inner=4 kept2=2003",
                 " reduced=2 kept=3 inner=2 kept2=2 inner2=3 kept3=2 inner3=8 kept4=33");
    CHECK(fault(op + shape, "fold_columns") == "");
}

TEST_CASE("fold_rows: schedules reduce axes that alternate more often, the last of which is of any length",
          "[kernel]") {
    const std::string op = GENERATE("reduce_sum", "reduce_max");
    const std::string shape =
        GENERATE(" reduced=3 kept=4 inner=5 kept2=6 inner2=70", " outer=2 reduced=3 kept=2 inner=5 kept2=3 inner2=131",
                 " reduced=2 kept=3 inner=2 kept2=23 inner2=5", " reduced=2 kept=3 inner=3 kept2=2 inner2=2",
                 " outer=2 reduced=3 kept=5 inner=3 kept2=2 inner2=3 kept3=5 inner3=3",
                 " outer=2 reduced=2 kept=2 inner=3 kept2=2 inner2=2 kept3=13 inner3=17");
    CHECK(fault(op + shape, "fold_rows") == "");
}

TEST_CASE("reductions: random schedules reduce random axes that alternate more often", "[kernel]") {
    Rng rng(20261127);
    for (int i = 0; i < 30; ++i) {
        std::string problem = "reduce_sum";
        for (const char* pair : kReduceGroups) problem += " " + std::string(pair) + pick_extent(rng);
        const bool rows = FoldShape(parse_problem(problem)).inner > 1;
        CHECK(fault(problem, rows ? "fold_rows" : "fold_columns", 1 + i % 2) == "");
    }
}

TEST_CASE("reduce_mean: both templates divide by the number of elements that are reduced", "[kernel]") {
    CHECK(fault("reduce_mean outer=5 reduced=33", "fold_rows") == "");
    CHECK(fault("reduce_mean outer=2 reduced=5 kept=17 inner=3", "fold_rows") == "");
    CHECK(fault("reduce_mean outer=3 reduced=49 kept=100", "fold_columns") == "");
    CHECK(fault("reduce_mean reduced=1003 kept=3", "fold_columns") == "");
    CHECK(fault("reduce_mean outer=2 reduced=3 kept=2 inner=5 kept2=3 inner2=31", "fold_rows") == "");
    CHECK(fault("reduce_mean outer=2 reduced=7 kept=3 inner=9 kept2=40", "fold_columns") == "");
}

TEST_CASE("reductions: loops over threads change no result", "[kernel]") {
    const std::string op = GENERATE("reduce_sum", "reduce_max");
    CHECK(fault(op + " reduced=1", "fold_columns", 2) == "");
    CHECK(fault(op + " reduced=7", "fold_rows", 2) == "");
    CHECK(fault(op + " outer=37 reduced=130", "fold_rows", 2) == "");
    CHECK(fault(op + " outer=20011 reduced=3", "fold_rows", 2) == "");
    CHECK(fault(op + " outer=3 reduced=5 kept=7 inner=67", "fold_rows", 2) == "");
    CHECK(fault(op + " outer=5 reduced=31 kept=100", "fold_columns", 2) == "");
    CHECK(fault(op + " outer=4001 reduced=5 kept=3", "fold_columns", 2) == "");
    CHECK(fault(op + " outer=37 reduced=5 kept=31 inner=3 kept2=11 inner2=19", "fold_rows", 2) == "");
    CHECK(fault(op + " outer=37 reduced=3 kept=31 inner=5 kept2=100", "fold_columns", 2) == "");
    CHECK(fault(op + " outer=17 reduced=3 kept=31 inner=70 kept2=3", "fold_columns", 2) == "");
}

TEST_CASE("reductions: chunks of few long rows or columns change no result", "[kernel]") {
    const std::string op = GENERATE("reduce_sum", "reduce_max");
    CHECK(fault(op + " reduced=40013", "fold_rows", 2) == "");
    CHECK(fault(op + " reduced=3 kept=2 inner=20011", "fold_rows", 2) == "");
    CHECK(fault(op + " reduced=2003 kept=40", "fold_columns", 2) == "");
    CHECK(fault(op + " reduced=20011 kept=3", "fold_columns", 2) == "");
    CHECK(fault(op + " reduced=3 kept=2 inner=2 kept2=2 inner2=20011", "fold_rows", 2) == "");
    CHECK(fault(op + " outer=2 reduced=3 kept=2 inner=510 kept2=40", "fold_columns", 2) == "");
}

}  // namespace
}  // namespace tilesmith
