#include "tuning_db/connection.h"

#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <thread>

#include "tuning_db/lock_holder.h"
#include "tuning_db/schema.h"

namespace tilesmith {

namespace fs = std::filesystem;

namespace {

constexpr size_t kHeaderBytes = 100;
constexpr std::string_view kMagic{"SQLite format 3\0", 16};
constexpr size_t kUserVersionOffset = 60;    // https://www.sqlite.org/fileformat.html, 1.3
constexpr size_t kApplicationIdOffset = 68;  // "

uint32_t big_endian(const std::string& bytes, size_t offset) {
    uint32_t value = 0;
    for (size_t i = 0; i < 4; ++i) value = (value << 8U) | static_cast<unsigned char>(bytes[offset + i]);
    return value;
}

// An SQLite URI: the only way to ask for an unlocked reading.
std::string uri(const std::string& path, const char* parameters) {
    std::string text = "file:";
    for (const char c : path) {
        const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || std::strchr("/-_.~", c) != nullptr;
        text += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return text + "?" + parameters;
}

// The first bytes of a file, fewer if it is shorter. Read through SQLite, because closing a file that another
// connection of this process has open would drop that connection's locks (POSIX), and SQLite alone knows. Throws
// SQLite::Exception.
std::string header_of(const std::string& path) {
    std::string bytes(std::min<size_t>(kHeaderBytes, fs::file_size(path)), '\0');
    const SQLite::Database db(uri(path, "mode=ro&immutable=1"), SQLite::OPEN_READONLY | SQLite::OPEN_URI);
    sqlite3_file* file = nullptr;
    db.check(sqlite3_file_control(db.getHandle(), "main", SQLITE_FCNTL_FILE_POINTER, &file));
    db.check(file->pMethods->xRead(file, bytes.data(), static_cast<int>(bytes.size()), 0));
    return bytes;
}

Error newer_version(const std::string& path, int version) {
    return run_failed(fmt::format("'{}' is a tuning database of version {}; this program knows versions up to {}", path,
                                  version, current_schema_version()),
                      "use a newer tilesmith, or another --db");
}

// SQLite refuses this change at once, without waiting, while another process is opening the database.
void use_write_ahead_log(SQLite::Database& db, int patience_ms) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(patience_ms);
    for (;;) {
        try {
            if (db.execAndGet("PRAGMA journal_mode").getString() == "wal") return;
            db.execAndGet("PRAGMA journal_mode = WAL").getString();
        } catch (const SQLite::Exception& error) {
            if (error.getErrorCode() != SQLITE_BUSY || std::chrono::steady_clock::now() > deadline) throw;
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
    }
}

}  // namespace

Connection::Connection(std::string path, Database::Mode mode, int busy_timeout_ms)
    : path_(std::move(path)), busy_timeout_ms_(busy_timeout_ms) {
    const bool append = mode == Database::Mode::append;
    if (path_.empty()) throw bad_input("the name of the tuning database is empty", "give a file to --db");
    std::error_code problem;
    const fs::file_status status = fs::status(path_, problem);
    if (fs::exists(status) && !fs::is_regular_file(status))
        throw bad_input(fmt::format("'{}' is not a file, so it is no tuning database", path_), "name a file with --db");
    real_path_ = fs::weakly_canonical(path_, problem).string();
    if (real_path_.empty()) real_path_ = path_;
    try {
        if (!fs::exists(status)) {
            refuse_to_create(append);
        } else if (!append || !is_unfinished()) {
            refuse_what_is_not_ours();
            refuse_other_versions(append);
        }
        if (append) open_to_append();
    } catch (const SQLite::Exception& error) {
        throw translated(error);
    }
}

void Connection::refuse_to_create(bool may_create) const {
    if (!may_create)
        throw bad_input(fmt::format("there is no tuning database '{}'", path_),
                        "name one with --db, or make one: tilesmith tune matmul m=512 n=512 k=512");
    std::error_code problem;
    const fs::path parent = fs::path(path_).has_parent_path() ? fs::path(path_).parent_path() : fs::path(".");
    if (!fs::is_directory(parent, problem))
        throw bad_input(fmt::format("cannot create '{}': there is no folder '{}'", path_, parent.string()),
                        "create the folder first, or name another file with --db");
    if (access(parent.c_str(), W_OK | X_OK) != 0)
        throw bad_input(fmt::format("cannot create '{}': the folder '{}' may not be written", path_, parent.string()),
                        "name another file with --db");
}

bool Connection::is_unfinished() const {
    if (fs::file_size(real_path_) == 0) return true;
    return fs::exists(real_path_ + "-journal") && header_of(real_path_).find_first_not_of('\0') == std::string::npos;
}

void Connection::refuse_what_is_not_ours() const {
    const std::string header = header_of(real_path_);
    if (header.size() < kHeaderBytes || !header.starts_with(kMagic))
        throw bad_input(fmt::format("'{}' is not an SQLite database; it was not touched", path_),
                        "name another file with --db");
    // The number of the application is in the file before there ever is a write-ahead log; the version may be newer in
    // the log.
    if (big_endian(header, kApplicationIdOffset) != static_cast<uint32_t>(kApplicationId))
        throw bad_input(fmt::format("'{}' is a database of another program; it was not touched", path_),
                        "name another file with --db");
    const auto version = static_cast<int>(big_endian(header, kUserVersionOffset));
    if (version > current_schema_version()) throw newer_version(path_, version);
}

void Connection::refuse_other_versions(bool may_migrate) {
    if (may_migrate && access(path_.c_str(), W_OK) != 0)
        throw bad_input(fmt::format("'{}' may not be written", path_), "name another file with --db");
    open_to_read();  // asks for the version in the log too; a connection that writes would already change the file
    const int version = db_->execAndGet("PRAGMA user_version").getInt();
    if (version > current_schema_version()) throw newer_version(path_, version);
    if (version < current_schema_version() && !may_migrate)
        throw run_failed(fmt::format("'{}' is a tuning database of version {}, to be read as version {}", path_,
                                     version, current_schema_version()),
                         "any `tilesmith tune` on it brings it to the newer version");
}

std::string Connection::uri_to_read() const {
    return uri(real_path_, snapshot().log ? "mode=ro" : "mode=ro&immutable=1");
}

void Connection::open_to_read() {
    opened_ = snapshot();
    unlocked_ = !opened_.log;
    db_ = std::make_unique<SQLite::Database>(uri_to_read(), SQLite::OPEN_READONLY | SQLite::OPEN_URI, busy_timeout_ms_);
}

void Connection::open_to_append() {
    unlocked_ = false;
    db_ = std::make_unique<SQLite::Database>(
        uri(real_path_, "mode=rwc"), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE | SQLite::OPEN_URI, busy_timeout_ms_);
    // Foreign keys first: SQLite ignores the setting inside a transaction. FULL: a committed trial survives a power
    // cut, not only the death of the process; one more disk flush a trial, small beside a trial's compiling.
    db_->exec("PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL");
    migrate(*db_, migrations());
    use_write_ahead_log(*db_, busy_timeout_ms_);
}

Connection::Snapshot Connection::snapshot() const {
    Snapshot now;
    struct stat info {};
    if (stat(real_path_.c_str(), &info) == 0) {
        now.bytes = info.st_size;
        now.modified_ns = info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec;
    }
    now.log = stat((real_path_ + "-wal").c_str(), &info) == 0;
    return now;
}

int64_t Connection::bytes() const {
    int64_t sum = 0;
    for (const char* suffix : {"", "-wal"}) {
        struct stat info {};
        if (stat((real_path_ + suffix).c_str(), &info) == 0) sum += info.st_size;
    }
    return sum;
}

Attachment::Attachment(Connection& connection, const Connection& other, std::string name)
    : connection_(connection), name_(std::move(name)) {
    try {
        SQLite::Statement attach(*connection_.db_, "ATTACH ? AS " + name_);
        attach.bind(1, other.uri_to_read());
        attach.exec();
    } catch (const SQLite::Exception& error) {
        throw other.translated(error);
    }
}

Attachment::~Attachment() {
    // Fails only where nothing is attached any more.
    connection_.db_->tryExec("DETACH " + name_);
}

Error Connection::translated(const SQLite::Exception& error) const {
    const int code = error.getErrorCode() & 0xff;
    if (code == SQLITE_BUSY || code == SQLITE_LOCKED) {
        const std::string holders = lock_holders(real_path_);
        return run_failed(fmt::format("'{}' stays locked{} (waited {} ms)", path_,
                                      holders.empty() ? ", by whom is not known" : " by " + holders, busy_timeout_ms_),
                          "wait for the other program to end, or name another file with --db");
    }
    if (code == SQLITE_FULL || code == SQLITE_IOERR) {
        const int system = db_ ? sqlite3_system_errno(db_->getHandle()) : 0;
        return run_failed(fmt::format("cannot read or write '{}': {}{}", path_, error.what(),
                                      system != 0 ? fmt::format(" ({})", std::strerror(system)) : ""),
                          "make room on the disk; everything measured before is kept");
    }
    if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
        return run_failed(fmt::format("'{}' is damaged: {}", path_, error.what()),
                          "look with `tilesmith db verify`; restore a copy, or name another file with --db");
    if (code == SQLITE_CANTOPEN || code == SQLITE_READONLY || code == SQLITE_PERM)
        return bad_input(fmt::format("cannot open '{}': {}", path_, error.what()), "name another file with --db");
    return run_failed(fmt::format("'{}': {}", path_, error.what()));
}

}  // namespace tilesmith
