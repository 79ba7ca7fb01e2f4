#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "core/error.h"
#include "schedules/operator.h"

using namespace tilesmith;
using Catch::Matchers::Contains;

namespace {

template <class Action>
std::string complaint(const Action& action) {
    try {
        static_cast<void>(action());
        return "";
    } catch (const Error& error) {
        CHECK(error.kind() == Error::Kind::bad_input);
        return std::string(error.what()) + " | " + error.remedy();
    }
}

std::string complaint_about(const std::string& content) {
    return complaint([&content] { return parse_workload(content, "my.txt"); });
}

}  // namespace

TEST_CASE("workload: problems, weights, comments and blank lines are told apart", "[unit]") {
    const auto problems = parse_workload(
        "# a network\n\nmatmul m=1 n=2 k=3\n  matmul m=4 n=5 k=6 x7  # often\r\n\tconv1d w=9 ci=1 co=1 kw=1\tx2\n"
        "matmul m=1 n=1 k=1",
        "my.txt");
    REQUIRE(problems.size() == 4);
    CHECK(problems[0].problem.text() == "matmul m=1 n=2 k=3 dtype=f32");
    CHECK(problems[0].weight == 1);
    CHECK(problems[1].problem.text() == "matmul m=4 n=5 k=6 dtype=f32");
    CHECK(problems[1].weight == 7);
    CHECK(problems[2].weight == 2);
    CHECK(problems[3].weight == 1);
}

TEST_CASE("workload: an error names the file and the line and keeps its remedy", "[unit]") {
    CHECK_THAT(complaint_about("matmul m=1 n=1 k=1\n\n# fine\nmatmul m=1 n=1 k=zero\n"),
               Contains("my.txt, line 4: ") && Contains("k=zero") && Contains("whole number from 1"));
    CHECK_THAT(complaint_about("conv9d m=1"), Contains("my.txt, line 1: ") && Contains("conv9d") && Contains("matmul"));
    CHECK_THAT(complaint_about("matmul m=1 n=1 k=1 x0"), Contains("line 1") && Contains("'x0'"));
    CHECK_THAT(complaint_about("matmul m=1 n=1 k=1 x99999999999999999999"), Contains("line 1") && Contains("xN"));
    CHECK_THAT(complaint_about("matmul m=1 n=1 k=1 x-2"), Contains("'x-2' is not a name=value pair"));
    CHECK_THAT(complaint_about("matmul m=1 n=1 k=1 x2 x3"), Contains("'x2' is not a name=value pair"));
}

TEST_CASE("workload: files without problems or of another kind are refused", "[unit]") {
    CHECK_THAT(complaint_about(""), Contains("my.txt has no problems"));
    CHECK_THAT(complaint_about("# only a comment\n\n"), Contains("my.txt has no problems"));
    CHECK_THAT(complaint_about(std::string("mat\0mul", 7)), Contains("my.txt is not a text file"));
}

TEST_CASE("workload: what cannot be read is named", "[unit]") {
    const std::filesystem::path folder = std::filesystem::temp_directory_path();
    CHECK_THAT(complaint([] { return read_workload("/no/such/file.txt"); }),
               Contains("'/no/such/file.txt' does not exist"));
    CHECK_THAT(complaint([&] { return read_workload(folder.string()); }), Contains("is a folder"));
    const std::string path = (folder / "tilesmith_workload_test.txt").string();
    std::ofstream(path) << "matmul m=1 n=1 k=1 x3\nmatmul m=1\n";
    CHECK_THAT(complaint([&] { return read_workload(path); }), Contains(path + ", line 2: "));
    std::ofstream(path) << "matmul m=1 n=1 k=1 x3\n";
    CHECK(read_workload(path).at(0).weight == 3);
    std::filesystem::remove(path);
}

TEST_CASE("workload: the shipped network of ResNet-50 counts its layers", "[unit]") {
    const auto problems = read_workload(std::string(TILESMITH_WORKLOADS) + "/resnet50.txt");
    int64_t layers = 0;
    for (const WeightedProblem& entry : problems) layers += entry.weight;
    CHECK(problems.size() == 25);
    CHECK(layers == 54);  // 53 convolutions and the classifier
}
