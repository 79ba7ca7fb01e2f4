// Who keeps a database locked: what the error of a busy database tells the user.
#pragma once

#include <string>

namespace tilesmith {

// The processes of this machine that hold a write lock on the SQLite database `path`, in words: "process 1234
// (tilesmith tune
// ...)". Empty where the system does not say.
std::string lock_holders(const std::string& path);

}  // namespace tilesmith
