#include "ctdbd/database/tdb_store/set_aside.hpp"

#include <chrono>
#include <cstdio>

#include <fmt/chrono.h>

namespace ctdb::ctdbd {

result<std::string> set_corrupted_aside(const std::string& path) {
    const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
    std::string aside = fmt::format("{}.corrupted.{:%Y%m%d%H%M%S}.0Z", path, fmt::gmtime(now));
    if (std::rename(path.c_str(), aside.c_str()) != 0) {
        return fail_errno("rename {} to {}", path, aside);
    }
    return aside;
}

} // namespace ctdb::ctdbd
