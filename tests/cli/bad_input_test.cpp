// Every kind of bad input: exit status 2 (3 for a broken run), a message that names the thing, and nothing changed.
#include <catch2/catch.hpp>

#include "program.h"

using tilesmith::test::Folder;
using tilesmith::test::ProgramRun;
using tilesmith::test::run_program;
using tilesmith::test::run_program_after;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

struct BadCall {
    std::vector<std::string> arguments;
    std::string named;  // must occur in the message
};

// Runs the call in an empty folder: it must say what is wrong, with a remedy, and leave the folder empty.
void check_refused(const BadCall& call) {
    const Folder folder;
    const ProgramRun run = run_program(folder, call.arguments);
    std::string words;
    for (const std::string& argument : call.arguments) words += argument + " ";
    INFO("tilesmith " << words << "\nstdout: " << run.out << "\nstderr: " << run.err);
    CHECK(run.status == 2);
    CHECK(run.out.empty());
    CHECK(contains(run.err, "tilesmith: error: "));
    CHECK(contains(run.err, call.named));
    CHECK_FALSE(run.has_control_characters());
    CHECK(folder.names().empty());
}

BadCall tune(std::vector<std::string> words, std::string named) {
    words.insert(words.begin(), "tune");
    words.insert(words.end(), {"--trials", "1"});
    return {std::move(words), std::move(named)};
}

}  // namespace

TEST_CASE("a bad problem is refused with the name of what is wrong", "[cli]") {
    const std::vector<BadCall> calls = {
        tune({"matmull", "m=4", "n=4", "k=4"}, "matmull"),
        tune({"matmul", "m=4", "n=4"}, "k"),
        tune({"matmul", "m=0", "n=4", "k=4"}, "m"),
        tune({"matmul", "m=-3", "n=4", "k=4"}, "-3"),
        tune({"matmul", "m=four", "n=4", "k=4"}, "four"),
        tune({"matmul", "m=99999999999999999999", "n=4", "k=4"}, "99999999999999999999"),
        tune({"matmul", "m=40000", "n=40000", "k=4"}, "2^31"),
        tune({"matmul", "m=4", "n=4", "k=4", "q=1"}, "q"),
        tune({"matmul", "m=4", "n=4", "k=4", "epilogue=tanhh"}, "tanhh"),
        tune({"matmul", "m=4", "n=4", "k=4", "dtype=f33"}, "f33"),
        tune({"conv2d", "n=1", "h=4", "w=4", "ci=4", "co=4", "kh=7", "kw=7"}, "kernel"),
        tune({"conv2d", "n=1", "h=4", "w=4", "ci=4", "co=6", "kh=1", "kw=1", "groups=4"}, "groups"),
        tune({"softmax", "rows=4", "cols=4", "--cold", "weights"}, "no weights that could be cold"),
        tune({}, "problem"),
        tune({"missing.txt"}, "missing.txt"),
    };
    for (const BadCall& call : calls) check_refused(call);
}

TEST_CASE("bad options are refused with the name of what is wrong", "[cli]") {
    const std::vector<std::string> problem = {"tune", "matmul m=4 n=4 k=4"};
    const std::vector<std::pair<std::vector<std::string>, std::string>> options = {
        {{"--trials", "0"}, "--trials"},
        {{"--trials", "-1"}, "--trials"},
        {{"--trials", "many"}, "many"},
        {{"--time", "-5s"}, "-5s"},
        {{"--time", "0s"}, "0s"},
        {{"--time", "5"}, "5"},
        {{"--time", "soon"}, "soon"},
        {{"--search", "clairvoyant", "--trials", "1"}, "clairvoyant"},
        {{"--target", "z80", "--trials", "1"}, "z80"},
        {{"--threads", "0", "--trials", "1"}, "--threads"},
        {{"--threads", "100000", "--trials", "1"}, "--threads"},
        {{"--objective", "power", "--trials", "1"}, "--objective power"},
        {{"--cold", "everything", "--trials", "1"}, "--cold everything"},
        {{"--jobs", "0", "--trials", "1"}, "--jobs"},
        {{"--db", "missing/folder/tuning.db", "--trials", "1"}, "missing/folder"},
        {{"--no-such-option"}, "--no-such-option"},
    };
    for (const auto& [words, named] : options) {
        std::vector<std::string> arguments = problem;
        arguments.insert(arguments.end(), words.begin(), words.end());
        check_refused({arguments, named});
    }
}

TEST_CASE("tensors beyond the memory are refused", "[cli]") {
    const Folder folder;
    const ProgramRun run =
        run_program_after(folder, "ulimit -v 4000000", {"tune", "matmul m=18000 n=18000 k=18000", "--trials", "1"});
    INFO(run.err);
    CHECK(run.status == 2);
    CHECK(contains(run.err, "m=18000"));
    CHECK(contains(run.err, "memory"));
    CHECK(folder.names().empty());
}

TEST_CASE("commands that read refuse a database that is not there and do not create it", "[cli]") {
    const std::vector<BadCall> calls = {
        {{"db", "stats", "--db", "nowhere.db"}, "nowhere.db"},
        {{"db", "verify", "--db", "nowhere.db"}, "nowhere.db"},
        {{"db", "merge", "nowhere.db", "--db", "new.db"}, "nowhere.db"},
        {{"show", "--db", "nowhere.db"}, "nowhere.db"},
        {{"show", "matmul m=4 n=4 k=4", "--db", "nowhere.db"}, "nowhere.db"},
        {{"export", "--db", "nowhere.db", "-o", "dist"}, "nowhere.db"},
        {{"bench", "matmul m=4 n=4 k=4", "--db", "nowhere.db"}, "nowhere.db"},
        {{"try", "matmul m=4 n=4 k=4", "--schedule", "0123456789abcdef", "--db", "nowhere.db"}, "nowhere.db"},
    };
    for (const BadCall& call : calls) check_refused(call);
}

TEST_CASE("other bad words are refused", "[cli]") {
    const std::vector<BadCall> calls = {
        {{}, "subcommand"},
        {{"tuen"}, "tuen"},
        {{"target", "show", "z80"}, "z80"},
        {{"list", "colours"}, "colours"},
        {{"bench", "matmul m=4 n=4 k=4", "--against", "mkl"}, "mkl"},
        {{"try", "matmul m=4 n=4 k=4", "--schedule", "{\"template\": \"no_such\", \"version\": 1}"}, "no_such"},
        {{"try", "matmul m=4 n=4 k=4", "--schedule", "{oops"}, "--schedule"},
        {{"try", "conv2d h=4 w=4 ci=4 co=4 kh=1 kw=1", "--schedule", R"({"template": "register_tile", "version": 2})"},
         "register_tile"},
    };
    for (const BadCall& call : calls) check_refused(call);
}

TEST_CASE("an error in a workload file says its line", "[cli]") {
    const Folder folder;
    folder.write("work.txt", "# two good ones\nmatmul m=4 n=4 k=4\n\nmatmul m=4 n=4 k=4 x2\nmatmul m=4 n=4 kk=4\n");
    const ProgramRun run = run_program(folder, {"tune", "work.txt", "--trials", "3"});
    INFO(run.err);
    CHECK(run.status == 2);
    CHECK(contains(run.err, "line 5"));
    CHECK(contains(run.err, "kk"));
    CHECK(folder.names() == std::vector<std::string>{"work.txt"});
}

TEST_CASE("a file that is no SQLite database is refused and left alone", "[cli]") {
    const Folder folder;
    const std::string content = "a letter to my aunt, much longer than the header of a database would be\n";
    folder.write("aunt.db", content);
    for (const std::vector<std::string>& arguments :
         std::vector<std::vector<std::string>>{{"db", "stats", "--db", "aunt.db"},
                                               {"tune", "matmul m=4 n=4 k=4", "--trials", "1", "--db", "aunt.db"},
                                               {"export", "--db", "aunt.db", "-o", "dist"}}) {
        const ProgramRun run = run_program(folder, arguments);
        INFO(arguments.front() << ": " << run.err);
        CHECK(run.status == 2);
        CHECK(contains(run.err, "aunt.db"));
        CHECK(folder.read("aunt.db") == content);
        CHECK(folder.names() == std::vector<std::string>{"aunt.db"});
    }
}

TEST_CASE("a target file with a missing or an unknown field is refused with the field's name", "[cli]") {
    const Folder folder;
    const ProgramRun good = run_program(folder, {"target", "show", "host", "--json"});
    REQUIRE(good.status == 0);
    nlohmann::ordered_json target = nlohmann::ordered_json::parse(good.out);
    nlohmann::ordered_json lacking = target;
    lacking.erase("vector_bits");
    nlohmann::ordered_json excessive = target;
    excessive["flux_capacitors"] = 1;
    folder.write("lacking.json", lacking.dump());
    folder.write("excessive.json", excessive.dump());
    for (const auto& [file, field] : std::vector<std::pair<std::string, std::string>>{
             {"lacking.json", "vector_bits"}, {"excessive.json", "flux_capacitors"}}) {
        const ProgramRun run = run_program(folder, {"target", "show", file});
        INFO(run.err);
        CHECK(run.status == 2);
        CHECK(contains(run.err, file));
        CHECK(contains(run.err, field));
    }
}

TEST_CASE("a target that this machine cannot run is refused with the feature it lacks", "[cli]") {
    const Folder folder;
    const ProgramRun good = run_program(folder, {"target", "show", "host", "--json"});
    REQUIRE(good.status == 0);
    nlohmann::ordered_json target = nlohmann::ordered_json::parse(good.out);
    target["requires_features"].push_back("time-travel");
    target["name"] = "tomorrow";
    folder.write("tomorrow.json", target.dump());
    const ProgramRun run =
        run_program(folder, {"tune", "matmul m=4 n=4 k=4", "--trials", "1", "--target", "tomorrow.json"});
    INFO(run.err);
    CHECK(run.status == 2);
    CHECK(contains(run.err, "time-travel"));
    CHECK(folder.names() == std::vector<std::string>{"tomorrow.json"});
}
