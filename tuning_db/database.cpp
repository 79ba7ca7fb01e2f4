#include "tuning_db/database.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>

#include "core/error.h"
#include "core/hash.h"
#include "tuning_db/connection.h"
#include "tuning_db/merge.h"
#include "tuning_db/rows.h"
#include "tuning_db/schema.h"

namespace tilesmith {

using nlohmann::ordered_json;

namespace {

std::string host_name() {
    std::array<char, 256> name{};
    return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

ordered_json object_or_empty(const ordered_json& json) { return json.is_object() ? json : ordered_json::object(); }

int64_t count(SQLite::Database& db, const std::string& what) { return db.execAndGet("SELECT " + what).getInt64(); }

ordered_json counts_by(SQLite::Database& db, const char* column) {
    ordered_json counts = ordered_json::object();
    SQLite::Statement rows(
        db, fmt::format("SELECT {0}, count(*) FROM trial GROUP BY {0} ORDER BY count(*) DESC, {0}", column));
    while (rows.executeStep()) counts[rows.getColumn(0).getString()] = rows.getColumn(1).getInt64();
    return counts;
}

ordered_json text_or_null(const SQLite::Column& column) {
    return column.isNull() ? ordered_json(nullptr) : ordered_json(column.getString());
}

// What SQLite itself complains of.
std::vector<std::string> unsound_pages(SQLite::Database& db) {
    std::vector<std::string> complaints;
    SQLite::Statement check(db, "PRAGMA integrity_check");
    while (check.executeStep())
        if (const std::string line = check.getColumn(0).getString(); line != "ok") complaints.push_back(line);
    SQLite::Statement keys(db, "PRAGMA foreign_key_check");
    while (keys.executeStep())
        complaints.push_back(fmt::format("row {} of table {} refers to a missing row of table {}",
                                         keys.getColumn(1).getInt64(), keys.getColumn(0).getString(),
                                         keys.getColumn(2).getString()));
    return complaints;
}

std::vector<std::string> wrong_hashes(SQLite::Database& db) {
    std::vector<std::string> complaints;
    for (const char* table : {"trial", "selection"}) {
        SQLite::Statement rows(db, fmt::format("SELECT id, schedule, schedule_hash FROM {}", table));
        while (rows.executeStep())
            if (hash_text(stable_hash(rows.getColumn(1).getString())) != rows.getColumn(2).getString())
                complaints.push_back(fmt::format("the schedule of {} {} is not the one its hash names", table,
                                                 rows.getColumn(0).getInt64()));
    }
    return complaints;
}

}  // namespace

struct Database::Impl {
    Connection connection;
};

Database::Database(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Database::Database(Database&&) noexcept = default;
Database& Database::operator=(Database&&) noexcept = default;
Database::~Database() = default;

Database Database::open(const std::string& path, Mode mode, int busy_timeout_ms) {
    return Database(std::make_unique<Impl>(Impl{Connection(path, mode, busy_timeout_ms)}));
}

const std::string& Database::path() const { return impl_->connection.path(); }

int64_t Database::begin_session(const SessionInfo& info, const Device& device, const Toolchain& toolchain) {
    return impl_->connection.write([&](SQLite::Database& db) {
        SQLite::Statement insert(db,
                                 "INSERT INTO session (device, toolchain, command, search, seed, host, pid, host_state)"
                                 " VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
        insert.bind(1, device_row(db, device));
        insert.bind(2, toolchain_row(db, toolchain.text));
        insert.bind(3, info.command);
        insert.bind(4, info.search);
        insert.bind(5, std::to_string(info.seed));
        insert.bind(6, host_name());
        insert.bind(7, static_cast<int64_t>(getpid()));
        insert.bind(8, object_or_empty(info.host_state).dump());
        insert.exec();
        return db.getLastInsertRowid();
    });
}

void Database::end_session(int64_t session, const std::string& stop_reason, const ordered_json& facts) {
    impl_->connection.write([&](SQLite::Database& db) {
        SQLite::Statement find(db, "SELECT facts FROM session WHERE id = ?");
        find.bind(1, session);
        if (!find.executeStep()) throw run_failed(fmt::format("'{}' has no session {}", path(), session));
        ordered_json merged = ordered_json::parse(find.getColumn(0).getString());
        find.reset();
        merged.update(object_or_empty(facts));
        SQLite::Statement update(db,
                                 "UPDATE session SET stop_reason = ?, facts = ?, ended_utc = "
                                 "strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE id = ?");
        update.bind(1, stop_reason);
        update.bind(2, merged.dump());
        update.bind(3, session);
        return update.exec();
    });
}

int64_t Database::append(const Trial& trial) {
    return impl_->connection.write([&](SQLite::Database& db) { return insert_trial(db, trial); });
}

void Database::write(const Selection& selection) {
    impl_->connection.write([&](SQLite::Database& db) {
        insert_selection(db, selection);
        return true;
    });
}

MergeCounts Database::merge(const Database& other) {
    if (impl_->connection.same_file(other.impl_->connection))
        throw bad_input(fmt::format("'{}' and '{}' are the same database", path(), other.path()),
                        "name another database to copy from");
    const Attachment attachment(impl_->connection, other.impl_->connection, "other");
    return impl_->connection.write([](SQLite::Database& db) { return merge_attached(db); });
}

std::vector<Trial> Database::trials(const TrialQuery& query) const {
    return impl_->connection.read([&](SQLite::Database& db) { return select_trials(db, query); });
}

uint64_t Database::seed_of_session(int64_t session) const {
    return impl_->connection.read([&](SQLite::Database& db) {
        SQLite::Statement find(db, "SELECT seed FROM session WHERE id = ?");
        find.bind(1, session);
        if (!find.executeStep()) throw run_failed(fmt::format("'{}' has no session {}", path(), session));
        return std::stoull(find.getColumn(0).getString());
    });
}

std::optional<Selection> Database::selection(const TrialKey& key) const {
    const std::vector<Selection> found =
        impl_->connection.read([&](SQLite::Database& db) { return select_selections(db, &key); });
    return found.empty() ? std::nullopt : std::optional(found.front());
}

std::vector<Selection> Database::selections() const {
    return impl_->connection.read([](SQLite::Database& db) { return select_selections(db, nullptr); });
}

ordered_json Database::stats() const {
    return impl_->connection.read([&](SQLite::Database& db) {
        ordered_json stats;
        stats["path"] = path();
        stats["schema_version"] = db.execAndGet("PRAGMA user_version").getInt();
        stats["bytes"] = impl_->connection.bytes();
        stats["problems"] = count(db, "count(*) FROM problem");
        stats["devices"] = count(db, "count(*) FROM device");
        stats["toolchains"] = count(db, "count(*) FROM toolchain");
        stats["sessions"] = count(db, "count(*) FROM session");
        stats["sessions_without_end"] = count(db, "count(*) FROM session WHERE ended_utc IS NULL");
        stats["trials"] = count(db, "count(*) FROM trial");
        stats["schedules"] = count(db, "count(DISTINCT schedule_hash) FROM trial");
        stats["by_status"] = counts_by(db, "status");
        stats["by_origin"] = counts_by(db, "origin");
        stats["selections"] = count(db, "count(*) FROM selection");
        stats["first_trial_utc"] = text_or_null(db.execAndGet("SELECT min(created_utc) FROM trial"));
        stats["last_trial_utc"] = text_or_null(db.execAndGet("SELECT max(created_utc) FROM trial"));
        return stats;
    });
}

std::vector<std::string> Database::verify() const {
    try {
        return impl_->connection.read([](SQLite::Database& db) {
            std::vector<std::string> complaints = unsound_pages(db);
            if (complaints.empty()) complaints = wrong_hashes(db);
            return complaints;
        });
    } catch (const Error& error) {
        if (error.kind() != Error::Kind::run_failed) throw;
        return {error.what()};
    }
}

}  // namespace tilesmith
