// What the database promises when things go wrong: killed writers, busy writers, a full disk. Children are forked
// before any connection is opened in them and never return into the test.

#include <SQLiteCpp/SQLiteCpp.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <functional>
#include <thread>

#include "core/error.h"
#include "core/rng.h"
#include "fixture.h"
#include "tuning_db/database.h"

namespace tilesmith {

using Catch::Matchers::Contains;

namespace {

// A child that runs `work` and then exits: 0, or 1 if it threw.
pid_t start_child(const std::function<void()>& work) {
    const pid_t pid = fork();
    if (pid != 0) return pid;
    try {
        work();
    } catch (...) {
        _exit(1);
    }
    _exit(0);
}

// The child's exit status; 128 + the signal's number if one ended it.
int wait_for(pid_t pid) {
    int status = 0;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

class Pipe {
  public:
    Pipe() { REQUIRE(pipe(ends_.data()) == 0); }
    ~Pipe() {
        close(ends_[0]);
        close(ends_[1]);
    }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    void tell(int64_t number) const {
        if (write(ends_[1], &number, sizeof number) != sizeof number) _exit(2);
    }
    // The next number told; -1 at the end.
    [[nodiscard]] int64_t listen() const {
        int64_t number = 0;
        return read(ends_[0], &number, sizeof number) == sizeof number ? number : -1;
    }
    void end_telling() {
        close(ends_[1]);
        ends_[1] = -1;
    }

  private:
    std::array<int, 2> ends_{};
};

std::string integrity(const std::string& path) {
    return SQLite::Database(path, SQLite::OPEN_READWRITE).execAndGet("PRAGMA integrity_check").getString();
}

}  // namespace

TEST_CASE("kill -9 of a writer loses no trial whose append had returned", "[db]") {
    const TestFolder folder;
    const std::string path = folder.file("t.db");
    Rng rng(20);
    size_t kept_before = 0;
    for (int round = 0; round < 20; ++round) {
        Pipe told;
        const pid_t child = start_child([&] {
            Database db = Database::open(path, Database::Mode::append);
            const int64_t session = begin_test_session(db);
            for (int64_t mr = 1;; ++mr) told.tell(db.append(test_trial(session, mr)));
        });
        std::this_thread::sleep_for(std::chrono::microseconds(rng.below(60'000)));
        kill(child, SIGKILL);
        CHECK(wait_for(child) == 128 + SIGKILL);
        told.end_telling();
        size_t returned = 0;
        for (int64_t last = told.listen(); last >= 0; last = told.listen()) ++returned;

        if (!std::filesystem::exists(path)) continue;  // killed before it was created
        const Database after = Database::open(path, Database::Mode::append);
        const size_t kept = after.trials({}).size();
        CHECK(kept >= kept_before + returned);
        CHECK(kept <= kept_before + returned + 1);  // the one in flight may have been committed
        CHECK(after.verify().empty());
        kept_before = kept;
    }
    CHECK(kept_before > 0);
    CHECK(integrity(path) == "ok");
}

TEST_CASE("what a killed writer left can be read without changing the database", "[db]") {
    const TestFolder folder;
    const std::string path = folder.file("t.db");
    Pipe told;
    const pid_t child = start_child([&] {
        Database db = Database::open(path, Database::Mode::append);
        const int64_t session = begin_test_session(db);
        for (int64_t mr = 1; mr <= 10; ++mr) db.append(test_trial(session, mr));
        told.tell(1);
        for (;;) pause();
    });
    CHECK(told.listen() == 1);
    kill(child, SIGKILL);
    wait_for(child);
    const std::string file = contents(path);
    const std::string log = contents(path + "-wal");
    CHECK(Database::open(path, Database::Mode::read).trials({}).size() == 10);
    CHECK(contents(path) == file);
    CHECK(contents(path + "-wal") == log);
}

TEST_CASE("two processes that write at once both keep every trial, while a third reads", "[db]") {
    const TestFolder folder;
    const std::string path = folder.file("t.db");
    constexpr int64_t kTrials = 60;
    const auto writer = [&path] {
        Database db = Database::open(path, Database::Mode::append);
        const int64_t session = begin_test_session(db);
        for (int64_t mr = 1; mr <= kTrials; ++mr) db.append(test_trial(session, mr));
        db.end_session(session, "trials", {});
    };
    const pid_t first = start_child(writer);
    const pid_t second = start_child(writer);
    const pid_t third = start_child([&path] {
        while (!std::filesystem::exists(path) || std::filesystem::file_size(path) == 0) usleep(1000);
        for (size_t seen = 0, now = 0; now < 2 * kTrials; seen = now) {
            try {
                now = Database::open(path, Database::Mode::read).trials({}).size();
            } catch (const Error& error) {
                if (seen > 0) throw;  // only while the tables are being made
            }
            if (now < seen) _exit(3);
        }
    });
    CHECK(wait_for(first) == 0);
    CHECK(wait_for(second) == 0);
    CHECK(wait_for(third) == 0);
    const Database db = Database::open(path, Database::Mode::read);
    CHECK(db.trials({}).size() == 2 * kTrials);
    CHECK(db.stats()["sessions_without_end"] == 0);
    CHECK(db.verify().empty());
}

TEST_CASE("a database that stays locked is an error that names the process", "[db]") {
    const TestFolder folder;
    const std::string path = folder.file("t.db");
    { Database::open(path, Database::Mode::append); }
    Pipe told;
    const pid_t child = start_child([&] {
        SQLite::Database db(path, SQLite::OPEN_READWRITE);
        db.exec("BEGIN IMMEDIATE");
        told.tell(1);
        for (;;) pause();
    });
    CHECK(told.listen() == 1);
    Database db = Database::open(path, Database::Mode::append, 200);
    try {
        begin_test_session(db);
        FAIL("the lock was ignored");
    } catch (const Error& error) {
        CHECK(error.kind() == Error::Kind::run_failed);
        CHECK_THAT(error.what(), Contains("stays locked"));
        if (!contents("/proc/locks").empty()) CHECK_THAT(error.what(), Contains("process " + std::to_string(child)));
    }
    CHECK(db.trials({}).empty());  // reading goes on
    kill(child, SIGKILL);
    wait_for(child);
    CHECK(begin_test_session(db) == 1);
}

TEST_CASE("a full disk is an error, and what was measured before stays readable", "[db]") {
    const TestFolder folder;
    const std::string path = folder.file("t.db");
    Pipe told;
    const pid_t child = start_child([&] {
        Database db = Database::open(path, Database::Mode::append);
        const int64_t session = begin_test_session(db);
        signal(SIGXFSZ, SIG_IGN);  // then writing beyond the limit fails as on a full disk
        const rlimit small{256 * 1024, 256 * 1024};
        setrlimit(RLIMIT_FSIZE, &small);
        int64_t appended = 0;
        try {
            for (;; ++appended) db.append(test_trial(session, appended + 1));
        } catch (const Error& error) {
            const bool says_why = std::string(error.what()).find(path) != std::string::npos &&
                                  error.remedy().find("disk") != std::string::npos;
            if (error.kind() != Error::Kind::run_failed || !says_why) _exit(4);
        }
        if (static_cast<int64_t>(db.trials({}).size()) != appended) _exit(5);
        told.tell(appended);
    });
    CHECK(wait_for(child) == 0);
    told.end_telling();
    const int64_t appended = told.listen();
    CHECK(appended > 10);
    Database db = Database::open(path, Database::Mode::append);
    CHECK(static_cast<int64_t>(db.trials({}).size()) == appended);
    CHECK(db.verify().empty());
    db.append(test_trial(begin_test_session(db), 1));
    CHECK(static_cast<int64_t>(db.trials({}).size()) == appended + 1);
}

}  // namespace tilesmith
