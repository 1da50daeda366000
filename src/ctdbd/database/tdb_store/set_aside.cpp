#include "ctdbd/database/tdb_store/set_aside.hpp"

#include "common/base/unique_fd.hpp"

#include <chrono>
#include <cstdio>
#include <filesystem>

#include <fmt/chrono.h>

#include <fcntl.h>
#include <unistd.h>

namespace ctdb::ctdbd {

namespace {

std::string name_aside(const std::string& path, std::string_view why) {
    const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
    return fmt::format("{}.{}.{:%Y%m%d%H%M%S}.0Z", path, why, fmt::gmtime(now));
}

} // namespace

result<std::string> set_corrupted_aside(const std::string& path) {
    std::string aside = name_aside(path, "corrupted");
    if (std::rename(path.c_str(), aside.c_str()) != 0) {
        return fail_errno("rename {} to {}", path, aside);
    }
    return aside;
}

result<std::string> copy_diverged_aside(const std::string& path) {
    std::string aside = name_aside(path, "diverged");
    std::error_code failed;
    std::filesystem::copy_file(
        path, aside, std::filesystem::copy_options::overwrite_existing, failed
    );
    if (failed) {
        return fail(failed.value(), "copy {} to {}: {}", path, aside, failed.message());
    }
    const unique_fd fd(::open(aside.c_str(), O_RDWR | O_CLOEXEC));
    if (!fd || fsync(fd.get()) != 0) {
        return fail_errno("sync {}", aside);
    }
    return aside;
}

} // namespace ctdb::ctdbd
