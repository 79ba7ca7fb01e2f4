#include <catch2/catch.hpp>
#include <chrono>
#include <thread>

#include "core/error.h"
#include "fixture.h"

namespace tilesmith {

using Catch::Matchers::Contains;

namespace {

// A database with one session of `trials` trials, and a selection of the first.
void fill(const std::string& path, int trials, const TrialKey& key = test_key()) {
    Database db = Database::open(path, Database::Mode::append);
    const int64_t session = begin_test_session(db);
    for (int i = 1; i <= trials; ++i) db.append(test_trial(session, i, key));
    Selection selection;
    selection.key = key;
    selection.schedule = test_trial(session, trials, key).schedule;
    selection.median_ns = 1000.0 + trials;
    selection.session = session;
    db.write(selection);
    db.end_session(session, "the trials are used up", {{"noise", 0.5}});
}

}  // namespace

TEST_CASE("merging copies sessions, trials and selections, whatever numbers their rows have here", "[db]") {
    const TestFolder folder;
    fill(folder.file("a.db"), 3);
    fill(folder.file("b.db"), 2, test_key("matmul m=1 n=1 k=1 dtype=f32"));
    Database a = Database::open(folder.file("a.db"), Database::Mode::append);
    const MergeCounts counts = a.merge(Database::open(folder.file("b.db"), Database::Mode::read));
    CHECK(counts.sessions == 1);
    CHECK(counts.trials == 2);
    CHECK(counts.selections == 1);
    CHECK(a.trials({}).size() == 5);
    CHECK(a.trials({.problem = "matmul m=1 n=1 k=1 dtype=f32"}).size() == 2);
    CHECK(a.selections().size() == 2);
    CHECK(a.stats()["devices"] == 1);
    CHECK(a.verify().empty());
}

TEST_CASE("merging again copies only what was added since", "[db]") {
    const TestFolder folder;
    fill(folder.file("a.db"), 1);
    fill(folder.file("b.db"), 2);
    Database a = Database::open(folder.file("a.db"), Database::Mode::append);
    CHECK(a.merge(Database::open(folder.file("b.db"), Database::Mode::read)).trials == 2);
    const MergeCounts nothing = a.merge(Database::open(folder.file("b.db"), Database::Mode::read));
    CHECK(nothing.sessions + nothing.trials + nothing.selections == 0);
    fill(folder.file("b.db"), 4);
    const MergeCounts more = a.merge(Database::open(folder.file("b.db"), Database::Mode::read));
    CHECK(more.sessions == 1);
    CHECK(more.trials == 4);
    CHECK(more.selections == 1);
}

TEST_CASE("a database that somebody is writing to is merged as it stands", "[db]") {
    const TestFolder folder;
    fill(folder.file("a.db"), 1);
    Database b = Database::open(folder.file("b.db"), Database::Mode::append);
    const int64_t session = begin_test_session(b);
    b.append(test_trial(session, 1));
    Database a = Database::open(folder.file("a.db"), Database::Mode::append);
    CHECK(a.merge(Database::open(folder.file("b.db"), Database::Mode::read)).trials == 1);
    b.append(test_trial(session, 2));
    b.end_session(session, "interrupted", {});
    CHECK(a.merge(Database::open(folder.file("b.db"), Database::Mode::read)).trials == 1);
    CHECK(a.stats()["sessions_without_end"] == 0);
    CHECK(a.verify().empty());
}

TEST_CASE("the newer of two merged selections counts, not the one that was copied last", "[db]") {
    const TestFolder folder;
    fill(folder.file("older.db"), 2);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));  // times are kept to the millisecond
    fill(folder.file("newer.db"), 5);
    Database newer = Database::open(folder.file("newer.db"), Database::Mode::append);
    newer.merge(Database::open(folder.file("older.db"), Database::Mode::read));
    REQUIRE(newer.selection(test_key()));
    CHECK(newer.selection(test_key())->median_ns == 1005.0);
}

TEST_CASE("a database is not merged into itself", "[db]") {
    const TestFolder folder;
    fill(folder.file("a.db"), 1);
    Database a = Database::open(folder.file("a.db"), Database::Mode::append);
    CHECK_THROWS_WITH(a.merge(Database::open(folder.file("a.db"), Database::Mode::read)),
                      Contains("the same database"));
}

}  // namespace tilesmith
