#include "lock_file.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>

namespace ctdb::mutex_helper {

bool lock_byte(int fd, off_t byte, patience how) {
    struct flock region {};
    region.l_type = F_WRLCK;
    region.l_whence = SEEK_SET;
    region.l_start = byte;
    region.l_len = 1;
    const int command = how == patience::wait ? F_SETLKW : F_SETLK;
    int outcome = 0;
    do {
        outcome = fcntl(fd, command, &region);
    } while (outcome != 0 && errno == EINTR);
    return outcome == 0;
}

locked_file lock_file(const char* path) {
    locked_file file;
    file.fd.reset(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!file.fd) {
        std::fprintf(
            stderr,
            "ctdb_mutex_fcntl_helper: Unable to open %s - (%s)\n",
            path,
            std::strerror(errno)
        );
        return file;
    }
    if (!lock_byte(file.fd.get(), 0, patience::try_once)) {
        if (errno == EACCES || errno == EAGAIN) {
            file.outcome = answer::contention;
        } else {
            std::fprintf(
                stderr,
                "ctdb_mutex_fcntl_helper: Failed to get lock on '%s' - (%s)\n",
                path,
                std::strerror(errno)
            );
        }
        return file;
    }
    struct stat info {};
    if (fstat(file.fd.get(), &info) != 0) {
        std::fprintf(
            stderr,
            "ctdb_mutex_fcntl_helper: Unable to stat %s - (%s)\n",
            path,
            std::strerror(errno)
        );
        return file;
    }
    file.inode = info.st_ino;
    file.outcome = answer::held;
    return file;
}

} // namespace ctdb::mutex_helper
