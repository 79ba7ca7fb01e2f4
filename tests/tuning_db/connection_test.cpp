#include "tuning_db/connection.h"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "core/error.h"
#include "fixture.h"
#include "tuning_db/schema.h"

namespace tilesmith {

using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

// The exit status that opening ends with, 0 if it succeeds; `message` is what the user sees.
int status_of_opening(const std::string& path, Database::Mode mode, std::string* message = nullptr) {
    try {
        Database::open(path, mode, 100);
        return 0;
    } catch (const Error& error) {
        if (message != nullptr) *message = error.what() + std::string("\n") + error.remedy();
        return error.exit_status();
    }
}

void check_refused_untouched(const TestFolder& folder, const std::string& path, int status, const std::string& words) {
    const std::string before = contents(path);
    const size_t entries = folder.entries();
    for (const Database::Mode mode : {Database::Mode::read, Database::Mode::append}) {
        std::string message;
        CHECK(status_of_opening(path, mode, &message) == status);
        CHECK_THAT(message, Contains(words) && Contains(path));
    }
    CHECK(contents(path) == before);
    CHECK(folder.entries() == entries);
}

}  // namespace

TEST_CASE("reading never creates a database", "[db]") {
    const TestFolder folder;
    std::string message;
    CHECK(status_of_opening(folder.file("none.db"), Database::Mode::read, &message) == 2);
    CHECK_THAT(message, Contains("there is no tuning database") && Contains("tilesmith tune"));
    put(folder.file("empty.db"), "");
    CHECK(status_of_opening(folder.file("empty.db"), Database::Mode::read) == 2);
    CHECK(contents(folder.file("empty.db")).empty());
    CHECK(folder.entries() == 1);
}

TEST_CASE("a file that is no SQLite database is refused and keeps its bytes", "[db]") {
    const TestFolder folder;
    const std::string path = folder.file("notes.txt");
    put(path, GENERATE(std::string("hello"), std::string(5000, 'x'), std::string(4096, '\0'),
                       std::string("SQLite format 3")));
    check_refused_untouched(folder, path, 2, "not an SQLite database");
}

TEST_CASE("another program's database is refused and keeps its bytes", "[db]") {
    const TestFolder folder;
    const std::string path = folder.file("other.db");
    {
        SQLite::Database db(path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
        db.exec("PRAGMA user_version = 1; CREATE TABLE trial (id INTEGER PRIMARY KEY); INSERT INTO trial VALUES (1)");
    }
    check_refused_untouched(folder, path, 2, "another program");
}

TEST_CASE("a database of a newer version is refused and keeps its bytes", "[db]") {
    const TestFolder folder;
    const std::string path = folder.file("t.db");
    { Database::open(path, Database::Mode::append); }
    const std::string newer = "PRAGMA user_version = " + std::to_string(current_schema_version() + 1);
    SECTION("the version is in the file") {
        SQLite::Database(path, SQLite::OPEN_READWRITE).exec(newer);
        check_refused_untouched(folder, path, 3, "knows versions up to");
    }
    SECTION("the version is still in the write-ahead log") {
        SQLite::Database db(path, SQLite::OPEN_READWRITE);
        db.exec(newer);
        check_refused_untouched(folder, path, 3, "knows versions up to");
    }
}

TEST_CASE("what cannot hold a database is bad input", "[db]") {
    const TestFolder folder;
    std::string message;
    CHECK(status_of_opening(folder.file("no/such/t.db"), Database::Mode::append, &message) == 2);
    CHECK_THAT(message, Contains("there is no folder"));
    CHECK(status_of_opening(folder.file(""), Database::Mode::append) == 2);
    CHECK(status_of_opening("/dev/null", Database::Mode::append) == 2);
    CHECK(status_of_opening("", Database::Mode::append) == 2);
    if (geteuid() != 0) {  // root may write anywhere
        fs::create_directory(folder.file("closed"));
        chmod(folder.file("closed").c_str(), 0500);
        CHECK(status_of_opening(folder.file("closed/t.db"), Database::Mode::append, &message) == 2);
        CHECK_THAT(message, Contains("may not be written"));
    }
    CHECK(folder.entries() <= 1);
}

TEST_CASE("reading changes neither the database nor its folder", "[db]") {
    const TestFolder folder;
    const std::string path = folder.file("a #1?%.db");
    {
        Database db = Database::open(path, Database::Mode::append);
        db.append(test_trial(begin_test_session(db), 1));
    }
    REQUIRE(folder.entries() == 1);  // the last writer took its log away
    const std::string before = contents(path);
    {
        const Database db = Database::open(path, Database::Mode::read);
        CHECK(db.trials({}).size() == 1);
        CHECK(db.verify().empty());
        CHECK(folder.entries() == 1);
    }
    CHECK(folder.entries() == 1);
    CHECK(contents(path) == before);
}

TEST_CASE("a database that is only read cannot be written through", "[db]") {
    const TestFolder folder;
    const std::string path = folder.file("t.db");
    {
        Database db = Database::open(path, Database::Mode::append);
        begin_test_session(db);
    }
    Database reader = Database::open(path, Database::Mode::read);
    CHECK_THROWS_AS(reader.append(test_trial(1, 1)), Error);
}

TEST_CASE("an open reader sees what writers append later", "[db]") {
    const TestFolder folder;
    const std::string path = folder.file("t.db");
    int64_t session = 0;
    {
        Database db = Database::open(path, Database::Mode::append);
        session = begin_test_session(db);
    }
    const Database reader = Database::open(path, Database::Mode::read);
    CHECK(reader.trials({}).empty());
    {
        Database db = Database::open(path, Database::Mode::append);
        db.append(test_trial(session, 1));
        CHECK(reader.trials({}).size() == 1);
        db.append(test_trial(session, 2));
        CHECK(reader.trials({}).size() == 2);
    }
    CHECK(reader.trials({}).size() == 2);
}

TEST_CASE("a symbolic link leads to the database and its log", "[db]") {
    const TestFolder folder;
    fs::create_directory(folder.file("links"));
    fs::create_symlink(folder.file("t.db"), folder.file("links/t.db"));
    Database writer = Database::open(folder.file("links/t.db"), Database::Mode::append);
    writer.append(test_trial(begin_test_session(writer), 1));
    CHECK(Database::open(folder.file("links/t.db"), Database::Mode::read).trials({}).size() == 1);
    CHECK(Database::open(folder.file("t.db"), Database::Mode::read).trials({}).size() == 1);
}

}  // namespace tilesmith
