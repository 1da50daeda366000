#include "file_check.hpp"

#include "lock_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

namespace ctdb::mutex_helper {

namespace {

constexpr unsigned pings_per_limit = 4; // so many may be lost, less one

// 0 or the errno-like reason after a line on stderr.
int check(const char* path, ino_t inode) {
    const unique_fd fd(open(path, O_RDWR | O_CLOEXEC));
    if (!fd) {
        const int code = errno;
        std::fprintf(
            stderr,
            "ctdb_mutex_fcntl_helper: lock lost - lock file \"%s\" open failed (ret=%d)\n",
            path,
            code
        );
        return code;
    }
    struct stat info {};
    if (fstat(fd.get(), &info) != 0) {
        const int code = errno;
        std::fprintf(
            stderr,
            "ctdb_mutex_fcntl_helper: lock lost - lock file \"%s\" stat failed (ret=%d)\n",
            path,
            code
        );
        return code;
    }
    if (info.st_ino != inode) {
        std::fprintf(
            stderr, "ctdb_mutex_fcntl_helper: lock lost - lock file \"%s\" inode changed\n", path
        );
        return EIO;
    }
    if (!lock_byte(fd.get(), 1, patience::wait)) { // waits as long as the file system does
        const int code = errno;
        std::fprintf(
            stderr,
            "ctdb_mutex_fcntl_helper: lock lost - lock file \"%s\" test lock failed (ret=%d)\n",
            path,
            code
        );
        return code;
    }
    return 0;
}

bool send_message(int socket, check_message type, int value) {
    const auto high = [](unsigned v) { return static_cast<unsigned char>(v >> 8U); };
    const auto low = [](unsigned v) { return static_cast<unsigned char>(v & 0xFFU); };
    const auto t = static_cast<unsigned>(type);
    const auto v = static_cast<unsigned>(value);
    const std::array<unsigned char, check_message_size> raw{high(t), low(t), high(v), low(v)};
    return send(socket, raw.data(), raw.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(raw.size());
}

[[noreturn]] void watch_file(const char* path, ino_t inode, check_pace pace, int socket) {
    const unsigned ping_every_s = std::max(1U, pace.ping_limit_s / pings_per_limit);
    unsigned until_check = pace.recheck_s;
    for (;;) {
        if (!send_message(socket, check_message::ping, 0)) {
            _exit(0); // the holder has gone
        }
        const unsigned pause_s = std::min(ping_every_s, until_check);
        timespec pause{pause_s, 0};
        while (nanosleep(&pause, &pause) != 0 && errno == EINTR) {
        }
        until_check -= pause_s;
        if (until_check > 0) {
            continue;
        }
        until_check = pace.recheck_s;
        if (const int code = check(path, inode); code != 0) {
            send_message(socket, check_message::error, code);
            _exit(1);
        }
    }
}

} // namespace

checker start_checker(const char* path, ino_t inode, check_pace pace) {
    std::array<int, 2> ends{-1, -1};
    checker c;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        std::fprintf(stderr, "ctdb_mutex_fcntl_helper: socketpair: %s\n", std::strerror(errno));
        return c;
    }
    c.socket.reset(ends[0]);
    unique_fd child_end(ends[1]);
    const pid_t holder = getpid();
    c.pid = fork(); // a small single-threaded process: nothing to lose in a fork
    if (c.pid < 0) {
        std::fprintf(stderr, "ctdb_mutex_fcntl_helper: fork: %s\n", std::strerror(errno));
    }
    if (c.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        c.socket.reset();
        close(STDOUT_FILENO); // its end of file means that the holder is gone
        if (getppid() != holder) {
            _exit(0);
        }
        watch_file(path, inode, pace, child_end.get());
    }
    return c;
}

} // namespace ctdb::mutex_helper
