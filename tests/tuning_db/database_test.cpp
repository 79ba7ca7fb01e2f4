#include "tuning_db/database.h"

#include <SQLiteCpp/SQLiteCpp.h>

#include <catch2/catch.hpp>

#include "core/error.h"
#include "core/hash.h"
#include "fixture.h"

namespace tilesmith {

using Catch::Matchers::Contains;
using nlohmann::ordered_json;

TEST_CASE("a trial comes back as it was appended", "[db]") {
    const TestFolder folder;
    Database db = Database::open(folder.file("t.db"), Database::Mode::append);
    const int64_t session = begin_test_session(db);
    Trial good = test_trial(session, 6);
    good.key.conditions = {2, Objective::throughput, CacheState::cold_weights};
    good.outcome.censored = true;
    Trial bad = test_trial(session, 8);
    bad.outcome = Outcome::failed(Status::wrong_result, "element 3: 1 instead of 'zwölf'");
    const int64_t first = db.append(good);
    const int64_t second = db.append(bad);
    REQUIRE(second > first);

    const Database reader = Database::open(folder.file("t.db"), Database::Mode::read);
    const std::vector<Trial> trials = reader.trials({});
    REQUIRE(trials.size() == 2);
    CHECK(trials[0].id == first);
    CHECK(trials[0].key == good.key);
    CHECK(trials[0].schedule == good.schedule);
    CHECK(trials[0].outcome.samples_ns == good.outcome.samples_ns);
    CHECK(trials[0].outcome.censored);
    CHECK(trials[0].outcome.reference_ns == 50.5);
    CHECK(trials[0].outcome.compile_ms == 91.25);
    CHECK(trials[0].session == session);
    CHECK(trials[0].origin == "random");
    CHECK(trials[1].outcome.status == Status::wrong_result);
    CHECK(trials[1].outcome.reason == bad.outcome.reason);
    CHECK(trials[1].outcome.samples_ns.empty());
}

TEST_CASE("the seed that a session checked its trials with is remembered", "[db]") {
    const TestFolder folder;
    Database db = Database::open(folder.file("t.db"), Database::Mode::append);
    const uint64_t large = UINT64_MAX - 1;
    const int64_t session = db.begin_session({"", large, "random", {}}, test_device(), test_toolchain());
    CHECK(db.seed_of_session(session) == large);
    CHECK_THROWS_AS(db.seed_of_session(session + 1), Error);
}

TEST_CASE("queries select by each part of the key, by id and by the beginning of a hash", "[db]") {
    const TestFolder folder;
    Database db = Database::open(folder.file("t.db"), Database::Mode::append);
    const int64_t session = begin_test_session(db);
    const Device other_device{"arm64 Other", "another", {}};
    db.begin_session({"", 1, "random", {}}, other_device, {"tilesmith 0.2.0"});

    TrialKey threads = test_key();
    threads.conditions.threads = 2;
    TrialKey device = test_key();
    device.device = other_device.fingerprint;
    TrialKey toolchain = test_key();
    toolchain.toolchain = "tilesmith 0.2.0";
    const std::vector<TrialKey> keys = {test_key(), test_key("matmul m=1 n=1 k=1 dtype=f32"), threads, device,
                                        toolchain};
    for (const TrialKey& key : keys) db.append(test_trial(session, 4, key));
    const int64_t last = db.append(test_trial(session, 12));

    CHECK(db.trials({}).size() == 6);
    CHECK(db.trials({.problem = keys[1].problem}).size() == 1);
    CHECK(db.trials({.conditions = threads.conditions}).size() == 1);
    CHECK(db.trials({.device = other_device.fingerprint}).size() == 1);
    CHECK(db.trials({.toolchain = "tilesmith 0.2.0"}).size() == 1);
    CHECK(db.trials({.problem = "conv2d"}).empty());

    const std::vector<Trial> by_id = db.trials({.id = last});
    REQUIRE(by_id.size() == 1);
    const std::string hash = hash_text(by_id[0].schedule.hash());
    CHECK(db.trials({.schedule_hash = hash}).size() == 1);
    CHECK(db.trials({.schedule_hash = hash.substr(0, 12)}).size() == 1);
    CHECK(db.trials({.schedule_hash = ""}).size() == 6);
}

TEST_CASE("a resumed session finds exactly the schedules tried under its key, also those that failed", "[db]") {
    const TestFolder folder;
    const std::string path = folder.file("t.db");
    TrialKey elsewhere = test_key();
    elsewhere.conditions.threads = 2;
    {
        Database db = Database::open(path, Database::Mode::append);
        const int64_t session = begin_test_session(db);
        for (int64_t mr = 1; mr <= 5; ++mr) db.append(test_trial(session, mr));
        Trial failed = test_trial(session, 6);
        failed.outcome = Outcome::failed(Status::crashed, "signal 11");
        db.append(failed);
        db.append(test_trial(session, 7, elsewhere));
    }
    Database db = Database::open(path, Database::Mode::append);
    const TrialKey key = test_key();
    const std::vector<Trial> tried = db.trials(
        {.problem = key.problem, .conditions = key.conditions, .device = key.device, .toolchain = key.toolchain});
    REQUIRE(tried.size() == 6);
    for (size_t i = 0; i < tried.size(); ++i) CHECK(tried[i].schedule.number("mr") == static_cast<int64_t>(i) + 1);
}

TEST_CASE("look-up gives the newest selection of exactly the key", "[db]") {
    const TestFolder folder;
    Database db = Database::open(folder.file("t.db"), Database::Mode::append);
    const int64_t session = begin_test_session(db);
    Selection selection;
    selection.key = test_key("matmul m=9 n=9 k=9 dtype=f32");
    selection.schedule = test_trial(session, 4).schedule;
    selection.median_ns = 100;
    selection.interval_ns = {99, 101.5};
    selection.default_ns = 120;
    selection.evidence = {{"noise_floor", 0.01}, {"contenders", {1, 2}}};
    selection.session = session;
    db.write(selection);
    selection.median_ns = 150;  // newer, though slower: the newest re-rank counts
    db.write(selection);
    Selection other = selection;
    other.key = test_key("conv2d h=1");
    db.write(other);

    const std::optional<Selection> found = db.selection(selection.key);
    REQUIRE(found);
    CHECK(found->median_ns == 150);
    CHECK(found->interval_ns.low == 99);
    CHECK(found->interval_ns.high == 101.5);
    CHECK(found->default_ns == 120);
    CHECK(found->evidence == selection.evidence);
    CHECK(found->schedule == selection.schedule);
    TrialKey missing = selection.key;
    missing.conditions.threads = 2;
    CHECK_FALSE(db.selection(missing));

    const std::vector<Selection> all = db.selections();
    REQUIRE(all.size() == 2);
    CHECK(all[0].key == other.key);
    CHECK(all[1].key == selection.key);
}

TEST_CASE("a session keeps its facts and the device's", "[db]") {
    const TestFolder folder;
    {
        Database db = Database::open(folder.file("t.db"), Database::Mode::append);
        const int64_t session = begin_test_session(db);
        db.end_session(session, "trials", {{"noise_floor", 0.02}});
        db.end_session(session, "time", {{"trials", 7}});
        Device measured = test_device();
        measured.facts = {{"peak_gflops", 118.5}};
        db.begin_session({"", 2, "random", {}}, measured, test_toolchain());
        CHECK_THROWS_WITH(db.end_session(99, "", {}), Contains("no session 99"));
        CHECK_THROWS_WITH(db.append(test_trial(99, 1)), Contains("FOREIGN KEY"));
    }
    SQLite::Database raw(folder.file("t.db"));
    const std::string facts = raw.execAndGet("SELECT facts FROM session WHERE id = 1").getString();
    CHECK(ordered_json::parse(facts) == ordered_json({{"noise_floor", 0.02}, {"trials", 7}}));
    CHECK(raw.execAndGet("SELECT stop_reason FROM session WHERE id = 1").getString() == "time");
    CHECK(raw.execAndGet("SELECT seed FROM session WHERE id = 1").getString() == "18446744073709551615");
    CHECK(raw.execAndGet("SELECT count(*) FROM session WHERE ended_utc IS NULL").getInt() == 1);
    CHECK(raw.execAndGet("SELECT count(*) FROM device").getInt() == 1);
    const std::string device = raw.execAndGet("SELECT facts FROM device").getString();
    CHECK(ordered_json::parse(device) == ordered_json({{"cores", 2}, {"l1_bytes", 32768}, {"peak_gflops", 118.5}}));
}

TEST_CASE("statistics count what there is", "[db]") {
    const TestFolder folder;
    Database db = Database::open(folder.file("t.db"), Database::Mode::append);
    CHECK(db.stats()["trials"] == 0);
    CHECK(db.stats()["first_trial_utc"].is_null());
    const int64_t session = begin_test_session(db);
    db.append(test_trial(session, 1));
    db.append(test_trial(session, 1));
    Trial failed = test_trial(session, 2);
    failed.outcome = Outcome::failed(Status::timed_out, "30 s");
    db.append(failed);
    const ordered_json stats = db.stats();
    CHECK(stats["schema_version"] == 1);
    CHECK(stats["trials"] == 3);
    CHECK(stats["schedules"] == 2);
    CHECK(stats["by_status"] == ordered_json({{"ok", 2}, {"timed_out", 1}}));
    CHECK(stats["sessions_without_end"] == 1);
    CHECK(stats["bytes"] > 0);
    CHECK(db.verify().empty());
}

TEST_CASE("trials and selections can be neither changed nor deleted", "[db]") {
    const TestFolder folder;
    {
        Database db = Database::open(folder.file("t.db"), Database::Mode::append);
        db.append(test_trial(begin_test_session(db), 1));
    }
    SQLite::Database raw(folder.file("t.db"), SQLite::OPEN_READWRITE);
    CHECK_THROWS_WITH(raw.exec("UPDATE trial SET status = 'ok'"), Contains("append-only"));
    CHECK_THROWS_WITH(raw.exec("DELETE FROM trial"), Contains("append-only"));
    CHECK(raw.execAndGet("SELECT count(*) FROM trial").getInt() == 1);
}

TEST_CASE("verify names what is unsound", "[db]") {
    const TestFolder folder;
    const std::string path = folder.file("t.db");
    {
        Database db = Database::open(path, Database::Mode::append);
        const int64_t session = begin_test_session(db);
        for (int64_t mr = 1; mr <= 200; ++mr) db.append(test_trial(session, mr));
    }
    SECTION("a schedule that is not the one its hash names") {
        SQLite::Database raw(path, SQLite::OPEN_READWRITE);
        raw.exec("DROP TRIGGER trial_is_never_updated; UPDATE trial SET schedule_hash = '0123' WHERE id = 3");
        const std::vector<std::string> complaints = Database::open(path, Database::Mode::read).verify();
        REQUIRE(complaints.size() == 1);
        CHECK_THAT(complaints[0], Contains("trial 3"));
    }
    SECTION("a trial of a problem that is gone") {
        SQLite::Database raw(path, SQLite::OPEN_READWRITE);
        raw.exec("DELETE FROM problem");
        CHECK_FALSE(Database::open(path, Database::Mode::read).verify().empty());
    }
    SECTION("overwritten pages") {
        std::string bytes = contents(path);
        std::fill(bytes.begin() + 8 * 4096, bytes.begin() + 12 * 4096, '\x5a');
        put(path, bytes);
        CHECK_FALSE(Database::open(path, Database::Mode::read).verify().empty());
    }
}

}  // namespace tilesmith
