// The templates of the operators on rows, on lengths that no vector divides: what their schedules compute is what the
// naive loops compute, and nothing is touched outside the arguments.
#include <catch2/catch.hpp>
#include <string>

#include "template_check.h"

namespace tilesmith {
namespace {

std::string fault(const std::string& problem, const std::string& template_name, int threads = 1) {
    Conditions conditions;
    conditions.threads = threads;
    return first_fault(problem, template_name, 3, conditions, 20261101);
}

TEST_CASE("row_passes: schedules compute the operator, whatever the shape", "[kernel]") {
    const std::string op = GENERATE("softmax", "layer_norm", "rms_norm");
    const std::string shape =
        GENERATE(" rows=1 cols=1", " rows=3 cols=2", " rows=5 cols=7", " rows=1 cols=8", " rows=4 cols=9",
                 " rows=13 cols=31", " rows=2 cols=100", " rows=6 cols=771", " rows=1 cols=20011");
    CHECK(fault(op + shape, "row_passes") == "");
}

TEST_CASE("row_passes: eps is the problem's own", "[kernel]") {
    CHECK(fault("layer_norm rows=7 cols=3 eps=0.25", "row_passes") == "");
    CHECK(fault("rms_norm rows=7 cols=3 eps=0.25", "row_passes") == "");
}

TEST_CASE("sum_chunks: schedules compute the norm, whatever the shape", "[kernel]") {
    const auto* const text = GENERATE("norm m=1 n=1", "norm m=1 n=7", "norm b=3 m=5 n=9", "norm m=64 n=64",
                                      "norm b=2 m=33 n=97", "norm m=1 n=100003");
    CHECK(fault(text, "sum_chunks") == "");
}

TEST_CASE("operators on rows: loops over threads change no result", "[kernel]") {
    CHECK(fault("softmax rows=37 cols=130", "row_passes", 2) == "");
    CHECK(fault("layer_norm rows=5 cols=1003", "row_passes", 2) == "");
    CHECK(fault("rms_norm rows=1 cols=64", "row_passes", 2) == "");
    CHECK(fault("norm m=7 n=1", "sum_chunks", 2) == "");
    CHECK(fault("norm b=3 m=101 n=67", "sum_chunks", 2) == "");
}

TEST_CASE("row_passes: outputs that are stored past the caches are the same", "[kernel]") {
    const auto* const text = GENERATE("softmax rows=4 cols=9", "softmax rows=37 cols=130", "layer_norm rows=13 cols=31",
                                      "layer_norm rows=6 cols=772", "rms_norm rows=5 cols=1003");
    CHECK(first_streaming_fault(text, "row_passes") == "");
}

}  // namespace
}  // namespace tilesmith
