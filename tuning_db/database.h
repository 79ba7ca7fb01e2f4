// The tuning database: every measurement, and the selections made from them. One SQLite file; the format is specified
// in FORMAT.md. No other folder knows SQL.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/device.h"
#include "core/trial.h"

namespace tilesmith {

struct SessionInfo {
    std::string command;  // the words of the command line
    uint64_t seed = 1;
    std::string search;
    nlohmann::ordered_json
        host_state;  // load average, governor, noise floor, lock waits, ... as known at the beginning
};

// What is given must match; {.problem = text} asks for all trials of a problem.
struct TrialQuery {
    std::optional<std::string> problem = {};
    std::optional<Conditions> conditions = {};
    std::optional<std::string> device = {};
    std::optional<std::string> toolchain = {};
    std::optional<int64_t> id = {};
    std::optional<std::string> schedule_hash = {};  // its 16 digits or the first of them
};

// Rows that were copied: those the database did not have.
struct MergeCounts {
    int64_t sessions = 0;
    int64_t trials = 0;
    int64_t selections = 0;
};

class Database {
  public:
    enum class Mode {
        read,    // must exist; never created, never written
        append,  // created if missing, migrated if older
    };

    // Throws bad_input: missing (read), not an SQLite database, not a tuning database (never touched), no such folder.
    // Throws run_failed: newer version (never touched), locked for longer than the busy time-out (says by whom if
    // known).
    // Not for use by several threads at once.
    static Database open(const std::string& path, Mode mode, int busy_timeout_ms = 5000);
    Database(Database&&) noexcept;
    Database& operator=(Database&&) noexcept;
    ~Database();

    [[nodiscard]] const std::string& path() const;

    // Makes the device and the toolchain known: trials and selections name them.
    int64_t begin_session(const SessionInfo& info, const Device& device, const Toolchain& toolchain);
    // Merges `facts` (noise floor, why it stopped, trial counts, ...) into the session's row and stamps its end.
    void end_session(int64_t session, const std::string& stop_reason, const nlohmann::ordered_json& facts);

    // Durable when it returns (committed; survives kill -9). Returns the trial's id. Disk full: throws run_failed and
    // what was written before stays readable. The session must have begun.
    int64_t append(const Trial& trial);
    void write(const Selection& selection);

    // Copies what `other` has and this one has not: all of it, or nothing where it throws. A session keeps its `uid`,
    // so merging the same database again copies nothing but what was added since.
    MergeCounts merge(const Database& other);

    // In the order they were appended.
    [[nodiscard]] std::vector<Trial> trials(const TrialQuery& query) const;
    // Of the data that a session's trials were checked on. Throws run_failed where there is no such session.
    [[nodiscard]] uint64_t seed_of_session(int64_t session) const;
    // The newest selection of exactly this key.
    [[nodiscard]] std::optional<Selection> selection(const TrialKey& key) const;
    // The newest selection of every key, by problem text.
    [[nodiscard]] std::vector<Selection> selections() const;

    // {"schema_version": 1, "trials": N, "by_status": {...}, "problems": N, "devices": N, "sessions": N, "selections":
    // N,
    //  "bytes": N, ...}
    [[nodiscard]] nlohmann::ordered_json stats() const;
    // SQLite's integrity and foreign key checks, and that every trial's schedule has the hash beside it; the
    // complaints, empty when sound.
    [[nodiscard]] std::vector<std::string> verify() const;

  private:
    struct Impl;
    explicit Database(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace tilesmith
