// A file that was made or renamed survives a loss of power only when its directory is on disk too.
#pragma once

#include "common/base/result.hpp"

#include <string>

namespace ctdb::ctdbd {

// Writes the directory of `path` to disk; sleeps until it is there.
result<> sync_directory_of(const std::string& path);

} // namespace ctdb::ctdbd
