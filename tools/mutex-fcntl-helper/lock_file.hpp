// The lock file: byte 0 is the cluster lock, byte 1 the test that the file system still works.
#pragma once

#include "common/base/unique_fd.hpp"

#include <sys/types.h>

namespace ctdb::mutex_helper {

// What the helper says on stdout (cluster.md 4.7).
enum class answer : char { held = '0', contention = '1', timed_out = '2', failed = '3' };

struct locked_file {
    answer outcome = answer::failed;
    unique_fd fd; // holds the lock: closing it gives the lock back
    ino_t inode = 0;
};

// Opens (creating it, mode 0600) and locks byte 0 without waiting. Failures other than contention
// are said on stderr.
locked_file lock_file(const char* path);

// A record lock on one byte. `wait`: until it is free, however long. False: errno says why.
enum class patience : unsigned char { try_once, wait };
bool lock_byte(int fd, off_t byte, patience how);

} // namespace ctdb::mutex_helper
