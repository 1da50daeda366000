// The child that watches the lock file on behalf of the holder (cluster.md 4.8 steps 3 and 4).
//
// It may block for ever in a broken file system; that is why it is a process of its own. It says
// on stderr what is wrong and ends; the holder sees its end of the socket close.
#pragma once

#include "common/base/unique_fd.hpp"

#include <sys/types.h>

namespace ctdb::mutex_helper {

// One message on the socket between child and holder: type and value, 16 bits each, big-endian.
enum class check_message : unsigned short { exit = 1, error = 2, ping = 3, text = 4, custom = 5 };
inline constexpr std::size_t check_message_size = 4;

struct checker {
    pid_t pid = -1;
    unique_fd socket; // messages come here; end of file: the child has ended
};

struct check_pace {
    unsigned recheck_s = 5;    // it looks at the file so often
    unsigned ping_limit_s = 0; // and pings four times in that, at least every second if that is 0
};

// Starts the child. pid -1: it could not be started (said on stderr).
checker start_checker(const char* path, ino_t inode, check_pace pace);

} // namespace ctdb::mutex_helper
