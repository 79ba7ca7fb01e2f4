#include "tuning_db/schema.h"

#include <array>
#include <string>

namespace tilesmith {

namespace {

constexpr const char* kVersion1 = R"sql(
CREATE TABLE problem (
    id   INTEGER PRIMARY KEY,
    text TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE device (
    id          INTEGER PRIMARY KEY,
    fingerprint TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    facts       TEXT NOT NULL CHECK (json_valid(facts))
) STRICT;

CREATE TABLE toolchain (
    id   INTEGER PRIMARY KEY,
    text TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE session (
    id          INTEGER PRIMARY KEY,
    uid         TEXT NOT NULL UNIQUE DEFAULT (lower(hex(randomblob(16)))),
    device      INTEGER NOT NULL REFERENCES device (id),
    toolchain   INTEGER NOT NULL REFERENCES toolchain (id),
    command     TEXT NOT NULL,
    search      TEXT NOT NULL,
    seed        TEXT NOT NULL,
    host        TEXT NOT NULL,
    pid         INTEGER NOT NULL,
    host_state  TEXT NOT NULL CHECK (json_valid(host_state)),
    started_utc TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    ended_utc   TEXT,
    stop_reason TEXT,
    facts       TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(facts))
) STRICT;

CREATE TABLE trial (
    id               INTEGER PRIMARY KEY,
    session          INTEGER NOT NULL REFERENCES session (id),
    number           INTEGER NOT NULL,
    problem          INTEGER NOT NULL REFERENCES problem (id),
    conditions       TEXT NOT NULL,
    device           INTEGER NOT NULL REFERENCES device (id),
    toolchain        INTEGER NOT NULL REFERENCES toolchain (id),
    template         TEXT NOT NULL,
    template_version INTEGER NOT NULL,
    schedule         TEXT NOT NULL CHECK (json_valid(schedule)),
    schedule_hash    TEXT NOT NULL,
    origin           TEXT NOT NULL,
    status           TEXT NOT NULL,
    reason           TEXT NOT NULL,
    censored         INTEGER NOT NULL CHECK (censored IN (0, 1)),
    samples_ns       TEXT NOT NULL CHECK (json_valid(samples_ns)),
    reference_ns     REAL NOT NULL,
    compile_ms       REAL NOT NULL,
    created_utc      TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    UNIQUE (session, number)
) STRICT;
CREATE INDEX trial_by_key ON trial (problem, device, toolchain, conditions);
CREATE INDEX trial_by_schedule ON trial (schedule_hash);

CREATE TABLE selection (
    id               INTEGER PRIMARY KEY,
    session          INTEGER NOT NULL REFERENCES session (id),
    problem          INTEGER NOT NULL REFERENCES problem (id),
    conditions       TEXT NOT NULL,
    device           INTEGER NOT NULL REFERENCES device (id),
    toolchain        INTEGER NOT NULL REFERENCES toolchain (id),
    template         TEXT NOT NULL,
    template_version INTEGER NOT NULL,
    schedule         TEXT NOT NULL CHECK (json_valid(schedule)),
    schedule_hash    TEXT NOT NULL,
    median_ns        REAL NOT NULL,
    low_ns           REAL NOT NULL,
    high_ns          REAL NOT NULL,
    default_ns       REAL NOT NULL,
    evidence         TEXT NOT NULL CHECK (json_valid(evidence)),
    created_utc      TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT;
CREATE INDEX selection_by_key ON selection (problem, device, toolchain, conditions);

CREATE TRIGGER trial_is_never_updated BEFORE UPDATE ON trial
BEGIN SELECT RAISE(ABORT, 'trials are append-only'); END;
CREATE TRIGGER trial_is_never_deleted BEFORE DELETE ON trial
BEGIN SELECT RAISE(ABORT, 'trials are append-only'); END;
CREATE TRIGGER selection_is_never_updated BEFORE UPDATE ON selection
BEGIN SELECT RAISE(ABORT, 'selections are append-only'); END;
CREATE TRIGGER selection_is_never_deleted BEFORE DELETE ON selection
BEGIN SELECT RAISE(ABORT, 'selections are append-only'); END;
)sql";

constexpr std::array kMigrations = {
    Migration{1, kVersion1},
};

int version_of(SQLite::Database& db) { return db.execAndGet("PRAGMA user_version").getInt(); }

}  // namespace

std::span<const Migration> migrations() { return kMigrations; }

int current_schema_version() { return kMigrations.back().version; }

void migrate(SQLite::Database& db, std::span<const Migration> steps) {
    if (steps.empty() || version_of(db) >= steps.back().version) return;
    SQLite::Transaction transaction(db, SQLite::TransactionBehavior::IMMEDIATE);
    const int from = version_of(db);  // again: another process may have been faster
    for (const Migration& step : steps)
        if (step.version > from) db.exec(step.sql);
    db.exec("PRAGMA application_id = " + std::to_string(kApplicationId));
    if (from < steps.back().version) db.exec("PRAGMA user_version = " + std::to_string(steps.back().version));
    transaction.commit();
}

}  // namespace tilesmith
