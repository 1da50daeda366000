#include "ctdbd/database/tdb_store/sync_directory.hpp"

#include "common/base/unique_fd.hpp"

#include <filesystem>

#include <fcntl.h>
#include <unistd.h>

namespace ctdb::ctdbd {

result<> sync_directory_of(const std::string& path) {
    const std::string directory = std::filesystem::path(path).parent_path().string();
    const unique_fd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd || fsync(fd.get()) != 0) {
        return fail_errno("sync directory {}", directory);
    }
    return {};
}

} // namespace ctdb::ctdbd
