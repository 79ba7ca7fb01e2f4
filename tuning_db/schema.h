// The shape of the database: its versions in order, and how a file is brought from one to the next. FORMAT.md says what
// every column means.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <span>
#include <string>

namespace tilesmith {

// Written into the file's header, so that another program's database is recognised and left alone: "TSDB".
constexpr int32_t kApplicationId = 0x54534442;

// What turns version `version - 1` into `version`. Never changed once released: a change of the format is a new row.
struct Migration {
    int version;
    const char* sql;
};

// In order of versions, without gaps. Version 0 is an empty file.
std::span<const Migration> migrations();

// The version this program writes: that of the last migration.
int current_schema_version();

// Brings `db` to the version of the last of `steps`, in one transaction: all of it or none. Other processes may do the
// same at the same time. Nothing happens if it is there already. Throws SQLite::Exception.
void migrate(SQLite::Database& db, std::span<const Migration> steps);

}  // namespace tilesmith
