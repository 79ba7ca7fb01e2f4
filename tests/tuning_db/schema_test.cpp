#include "tuning_db/schema.h"

#include <catch2/catch.hpp>
#include <vector>

#include "fixture.h"

namespace tilesmith {

namespace {

std::vector<Migration> with_a_next_version() {
    std::vector<Migration> steps(migrations().begin(), migrations().end());
    steps.push_back({current_schema_version() + 1, "ALTER TABLE trial ADD COLUMN note TEXT"});
    return steps;
}

int version_of(const std::string& path) { return SQLite::Database(path).execAndGet("PRAGMA user_version").getInt(); }

}  // namespace

TEST_CASE("migrations are numbered from 1 without gaps", "[db]") {
    int expected = 0;
    for (const Migration& step : migrations()) CHECK(step.version == ++expected);
    CHECK(current_schema_version() == expected);
}

TEST_CASE("every earlier version is brought to the current one with its rows", "[db]") {
    for (int from = 0; from <= current_schema_version(); ++from) {
        const TestFolder folder;
        const std::string path = folder.file("old.db");
        put(path, "");
        if (from > 0) {
            SQLite::Database db(path, SQLite::OPEN_READWRITE);
            migrate(db, migrations().first(static_cast<size_t>(from)));
            db.exec("INSERT INTO problem (text) VALUES ('matmul m=1 n=1 k=1 dtype=f32')");
        }
        Database db = Database::open(path, Database::Mode::append);
        CHECK(db.stats()["schema_version"] == current_schema_version());
        CHECK(db.stats()["problems"] == (from > 0 ? 1 : 0));
        db.append(test_trial(begin_test_session(db), 1));
        CHECK(db.verify().empty());
    }
}

TEST_CASE("a next version keeps the trials of this one", "[db]") {
    const TestFolder folder;
    const std::string path = folder.file("t.db");
    {
        Database db = Database::open(path, Database::Mode::append);
        db.append(test_trial(begin_test_session(db), 1));
    }
    {
        SQLite::Database raw(path, SQLite::OPEN_READWRITE);
        migrate(raw, with_a_next_version());
        CHECK(raw.execAndGet("SELECT count(*) FROM trial WHERE note IS NULL").getInt() == 1);
    }
    CHECK(version_of(path) == current_schema_version() + 1);
}

TEST_CASE("a migration that fails leaves the version before it", "[db]") {
    const TestFolder folder;
    const std::string path = folder.file("t.db");
    { Database::open(path, Database::Mode::append); }
    const int version = current_schema_version();
    SQLite::Database raw(path, SQLite::OPEN_READWRITE);
    const std::vector<Migration> steps = {{version + 1, "CREATE TABLE half (a)"},
                                          {version + 2, "CREATE TABLE trial (a)"}};
    CHECK_THROWS(migrate(raw, steps));
    CHECK_FALSE(raw.tableExists("half"));
    CHECK(version_of(path) == version);
}

}  // namespace tilesmith
