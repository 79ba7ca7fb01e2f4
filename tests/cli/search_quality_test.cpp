// The commands that check the product itself: selftest and replay.
#include <catch2/catch.hpp>

#include "program.h"

using tilesmith::test::Folder;
using tilesmith::test::ProgramRun;
using tilesmith::test::run_program;

TEST_CASE("selftest finds no wrong kernel among random problems of every operator", "[cli]") {
    const auto [threads, target] =
        GENERATE(table<std::string, std::string>({{"1", "host"}, {"2", "host"}, {"1", "x86-64-avx2"}}));
    if (target != "host" && run_program(Folder(), {"target", "detect"}).out.find(" avx2 ") == std::string::npos) return;
    const ProgramRun run = run_program(
        Folder(), {"selftest", "--count", "96", "--seed", "1000", "--threads", threads, "--target", target, "--json"});
    INFO(run.out << run.err);
    REQUIRE(run.status == 0);
    const nlohmann::json report = run.json();
    CHECK(report.at("problems") == 96);
    CHECK(report.at("kernels") >= 96);
    CHECK(report.at("by_template").size() >= 12);
    CHECK(report.at("failures").empty());
}

TEST_CASE("selftest refuses an unknown operator", "[cli]") {
    const ProgramRun run = run_program(Folder(), {"selftest", "--operators", "frobnicate"});
    CHECK(run.status == 2);
    CHECK(run.err.find("frobnicate") != std::string::npos);
}

TEST_CASE("replay compares searches on the trials of a database, and on the records it wrote", "[cli]") {
    const Folder folder;
    REQUIRE(
        run_program(folder, {"tune", "matmul m=32 n=32 k=32", "--search", "random", "--trials", "12", "--threads", "1"})
            .status == 0);
    const ProgramRun run =
        run_program(folder, {"replay", "--trials", "6", "--seeds", "2", "--write", "records.jsonl", "--json"});
    INFO(run.err);
    REQUIRE(run.status == 0);
    const nlohmann::json report = run.json();
    CHECK(report.at("problems") == 1);
    CHECK(report.at("records") >= 12);
    REQUIRE(report.at("searches").size() == 3);

    const ProgramRun again =
        run_program(folder, {"replay", "records.jsonl", "--trials", "6", "--seeds", "2", "--json"});
    REQUIRE(again.status == 0);
    CHECK(again.json().at("searches") == report.at("searches"));
}

TEST_CASE("replay without a database is bad input and creates none", "[cli]") {
    const Folder folder;
    CHECK(run_program(folder, {"replay"}).status == 2);
    CHECK(folder.names().empty());
}
