// Files that may not be used any more, but must not be lost.
#pragma once

#include "common/base/result.hpp"

#include <string>

namespace ctdb::ctdbd {

// Renames to "<path>.corrupted.YYYYMMDDHHMMSS.0Z" (UTC), the form tools look for. The new path.
[[nodiscard]] result<std::string> set_corrupted_aside(const std::string& path);

// Copies to "<path>.diverged.YYYYMMDDHHMMSS.0Z" (UTC), durably. The new path.
[[nodiscard]] result<std::string> copy_diverged_aside(const std::string& path);

} // namespace ctdb::ctdbd
