// One open database file: refuses what is not ours before touching it, turns SQLite's errors into ours, and keeps
// readers from changing anything.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "core/error.h"
#include "tuning_db/database.h"

namespace tilesmith {

class Connection {
  public:
    // Throws as Database::open().
    Connection(std::string path, Database::Mode mode, int busy_timeout_ms);

    [[nodiscard]] const std::string& path() const { return path_; }
    // The file, for a connection that reads it (ATTACH).
    [[nodiscard]] std::string uri_to_read() const;
    // Whether both are the same file.
    [[nodiscard]] bool same_file(const Connection& other) const { return real_path_ == other.real_path_; }
    // The file and its write-ahead log, bytes.
    [[nodiscard]] int64_t bytes() const;

    // Runs `query(db)` and returns what it returns. It may run more than once (see stale()).
    template <class Query>
    auto read(Query&& query) {
        for (;;) {
            if (stale()) open_to_read();
            try {
                auto result = query(*db_);
                if (!stale()) return result;
            } catch (const SQLite::Exception& error) {
                if (!stale()) throw translated(error);
            }
        }
    }

    // Runs `change(db)` in one transaction that no other writer shares. All of it is durable on return, or none of it
    // happened.
    template <class Change>
    auto write(Change&& change) {
        try {
            SQLite::Transaction transaction(*db_, SQLite::TransactionBehavior::IMMEDIATE);
            auto result = change(*db_);
            transaction.commit();
            return result;
        } catch (const SQLite::Exception& error) {
            throw translated(error);
        }
    }

    [[nodiscard]] Error translated(const SQLite::Exception& error) const;

  private:
    friend class Attachment;
    struct Snapshot {
        int64_t bytes = -1;
        int64_t modified_ns = 0;
        bool log = false;  // a write-ahead log exists: somebody has the database open for writing, or died doing so
        friend bool operator==(const Snapshot&, const Snapshot&) = default;
    };

    void refuse_to_create(bool may_create) const;
    // Whether the file is empty, or what a process left that was killed while creating it.
    [[nodiscard]] bool is_unfinished() const;
    void refuse_what_is_not_ours() const;
    void refuse_other_versions(bool may_migrate);
    void open_to_read();
    void open_to_append();
    [[nodiscard]] Snapshot snapshot() const;
    // Reading without a write-ahead log takes no lock (a lock would need files beside the database, and readers change
    // nothing); so a writer may have come since. What was read then does not count.
    [[nodiscard]] bool stale() const { return unlocked_ && snapshot() != opened_; }

    std::string path_;       // as given: for messages
    std::string real_path_;  // symbolic links resolved: SQLite keeps its log beside the real file
    int busy_timeout_ms_;
    std::unique_ptr<SQLite::Database> db_;
    bool unlocked_ = false;
    Snapshot opened_;
};

// Another database, attached for as long as this lives. Throws as Database::open().
class Attachment {
  public:
    Attachment(Connection& connection, const Connection& other, std::string name);
    ~Attachment();
    Attachment(const Attachment&) = delete;
    Attachment& operator=(const Attachment&) = delete;

  private:
    Connection& connection_;
    std::string name_;
};

}  // namespace tilesmith
