// The commands that only read tables and this machine: --version, --help, list, target.
#include <catch2/catch.hpp>

#include "program.h"

using tilesmith::test::Folder;
using tilesmith::test::ProgramRun;
using tilesmith::test::run_program;

TEST_CASE("the flag --version prints the program's name and a version", "[cli]") {
    const ProgramRun run = run_program(Folder(), {"--version"});
    CHECK(run.status == 0);
    CHECK(run.out.starts_with("tilesmith 0."));
}

TEST_CASE("the flag --help works on every level, with an example", "[cli]") {
    for (const std::vector<std::string>& level : std::vector<std::vector<std::string>>{{},
                                                                                       {"tune"},
                                                                                       {"try"},
                                                                                       {"show"},
                                                                                       {"export"},
                                                                                       {"bench"},
                                                                                       {"target"},
                                                                                       {"target", "list"},
                                                                                       {"target", "show"},
                                                                                       {"target", "detect"},
                                                                                       {"target", "calibrate"},
                                                                                       {"list"},
                                                                                       {"list", "operators"},
                                                                                       {"list", "templates"},
                                                                                       {"list", "searches"},
                                                                                       {"replay"},
                                                                                       {"selftest"},
                                                                                       {"db"},
                                                                                       {"db", "stats"},
                                                                                       {"db", "verify"},
                                                                                       {"db", "merge"}}) {
        std::vector<std::string> arguments = level;
        arguments.emplace_back("--help");
        const ProgramRun run = run_program(Folder(), arguments);
        INFO((level.empty() ? std::string("top level") : level.back()));
        CHECK(run.status == 0);
        CHECK(run.out.find("Example:\n  tilesmith") != std::string::npos);
        CHECK_FALSE(run.has_control_characters());
    }
}

TEST_CASE("the help of the program does not show the subcommands of its own child processes", "[cli]") {
    const ProgramRun run = run_program(Folder(), {"--help"});
    CHECK(run.out.find("peer-times") == std::string::npos);
    CHECK(run.out.find("verify-library") == std::string::npos);
}

TEST_CASE("list operators says what may be written instead of the extents", "[cli]") {
    CHECK(run_program(Folder(), {"list", "operators"}).out.find("(or instead shape=? axes=?)") != std::string::npos);
}

TEST_CASE("list shows each table, as text and as JSON", "[cli]") {
    for (const auto& [table, entry] : std::vector<std::pair<std::string, std::string>>{
             {"operators", "matmul"}, {"templates", "register_tile"}, {"searches", "random"}}) {
        const ProgramRun text = run_program(Folder(), {"list", table});
        CHECK(text.status == 0);
        CHECK(text.out.find(entry) != std::string::npos);
        const ProgramRun json = run_program(Folder(), {"list", table, "--json"});
        CHECK(json.status == 0);
        bool found = false;
        const nlohmann::json document = json.json();
        for (const auto& row : document.at(table)) found = found || row.at("name") == entry;
        CHECK(found);
    }
}

TEST_CASE("target detect names a target that target list and target show know", "[cli]") {
    const Folder folder;
    const auto detected = run_program(folder, {"target", "detect", "--json"}).json();
    const std::string name = detected.at("target");
    CHECK(detected.at("physical_cores").get<int>() >= 1);
    CHECK_FALSE(detected.at("device").at("fingerprint").get<std::string>().empty());
    const auto list = run_program(folder, {"target", "list", "--json"}).json();
    bool runs_here = false;
    for (const auto& target : list.at("targets")) {
        runs_here = runs_here || (target.at("name") == name && target.at("missing_features").empty());
    }
    CHECK(runs_here);
    CHECK(run_program(folder, {"target", "show", name, "--json"}).json().at("name") == name);
    CHECK(run_program(folder, {"target", "show", name}).status == 0);
    CHECK(run_program(folder, {"target", "detect"}).out.find(name) != std::string::npos);
    CHECK(folder.names().empty());
}

TEST_CASE("target calibrate measures a peak and the rate of each level of memory, one core and all", "[cli]") {
    const auto json = run_program(Folder(), {"target", "calibrate", "--time", "0.4s", "--json"}).json();
    for (const char* const cores : {"one_core", "all_cores"}) {
        const nlohmann::json& rates = json.at(cores);
        CAPTURE(cores);
        CHECK(rates.at("peak_gflops").get<double>() > 1);
        CHECK(rates.at("l2_gb_per_s").get<double>() > 0.1);
        CHECK(rates.at("memory_gb_per_s").get<double>() > 0.1);
    }
}
