// Copying one database's rows into another. Internal to tuning_db.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include "tuning_db/database.h"

namespace tilesmith {

// Copies what the attached database `other` has and the main one has not. To be called inside a transaction.
MergeCounts merge_attached(SQLite::Database& db);

}  // namespace tilesmith
