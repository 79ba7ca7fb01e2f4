// Between the rows of the database and the types of the program.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tuning_db/database.h"

namespace tilesmith {

// The rows that a key names, made if missing.
struct KeyRows {
    int64_t problem = 0;
    int64_t device = 0;
    int64_t toolchain = 0;
};
KeyRows key_rows(SQLite::Database& db, const TrialKey& key);
int64_t device_row(SQLite::Database& db, const Device& device);
int64_t toolchain_row(SQLite::Database& db, const std::string& text);

int64_t insert_trial(SQLite::Database& db, const Trial& trial);
void insert_selection(SQLite::Database& db, const Selection& selection);

std::vector<Trial> select_trials(SQLite::Database& db, const TrialQuery& query);
// The newest selection of every key, by problem text; only that of `key` unless it is null.
std::vector<Selection> select_selections(SQLite::Database& db, const TrialKey* key);

}  // namespace tilesmith
