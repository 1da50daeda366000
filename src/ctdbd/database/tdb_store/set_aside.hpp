// A database file that cannot be used is kept under another name, never deleted.
#pragma once

#include "common/base/result.hpp"

#include <string>

namespace ctdb::ctdbd {

// Renames to PATH.corrupted.YYYYMMDDHHMMSS.0Z (UTC; databases.md 1.3) and returns the new path.
[[nodiscard]] result<std::string> set_corrupted_aside(const std::string& path);

} // namespace ctdb::ctdbd
