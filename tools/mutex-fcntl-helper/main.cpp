// ctdb_mutex_fcntl_helper FILE [RECHECK [PING]]: see README.md.
#include "common/base/unique_fd.hpp"
#include "file_check.hpp"
#include "lock_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <optional>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

namespace {

using namespace ctdb;
using namespace ctdb::mutex_helper;

constexpr int parent_check_ms = 250; // where the kernel cannot tell us at once
constexpr int check_anyway_ms = 5000;

struct arguments {
    const char* file = nullptr;
    unsigned recheck_s = 5;
    unsigned ping_s = 0;
};

std::optional<unsigned> number(const char* text) {
    unsigned value = 0;
    const char* end = text + std::strlen(text);
    const auto [stop, error] = std::from_chars(text, end, value);
    if (error != std::errc() || stop != end) {
        return std::nullopt;
    }
    return value;
}

std::optional<arguments> parse(int argc, char** argv) {
    arguments a;
    if (argc < 2 || argc > 4) {
        return std::nullopt;
    }
    a.file = argv[1];
    if (argc > 2) {
        const auto value = number(argv[2]);
        if (!value) {
            return std::nullopt;
        }
        a.recheck_s = *value;
    }
    if (argc > 3) {
        const auto value = number(argv[3]);
        if (!value) {
            return std::nullopt;
        }
        a.ping_s = *value;
    }
    return a;
}

long long now_ms() {
    timespec t{};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

bool readable(const pollfd& p) {
    return (p.revents & (POLLIN | POLLHUP | POLLERR)) != 0;
}

// Something has come from the checker; false: it has ended.
bool read_messages(int socket) {
    std::array<char, 64 * check_message_size> buffer{};
    return recv(socket, buffer.data(), buffer.size(), MSG_DONTWAIT) > 0;
}

// Returns when the lock has to go: why, or nullptr when the checker has said it.
const char* hold(const arguments& args, pid_t parent, int parent_fd, const checker& check) {
    long long pinged = now_ms();
    const bool pings = check.pid > 0 && args.ping_s > 0;
    const long long ping_limit = args.ping_s * 1000LL;
    for (;;) {
        std::array<pollfd, 2> fds{
            pollfd{parent_fd, POLLIN, 0}, pollfd{check.socket.get(), POLLIN, 0}};
        long long wait_ms = parent_fd >= 0 ? check_anyway_ms : parent_check_ms;
        if (pings) {
            wait_ms = std::clamp(pinged + ping_limit - now_ms(), 0LL, wait_ms);
        }
        poll(fds.data(), fds.size(), static_cast<int>(wait_ms));
        if (getppid() != parent || readable(fds[0])) {
            return "parent gone";
        }
        if (readable(fds[1])) {
            if (!read_messages(check.socket.get())) {
                return nullptr;
            }
            pinged = now_ms();
        }
        if (pings && now_ms() - pinged >= ping_limit) {
            return "ping timeout from lock test child";
        }
    }
}

} // namespace

int main(int argc, char** argv) {
    const pid_t parent = getppid();
    const auto args = parse(argc, argv);
    if (!args) {
        std::fprintf(
            stderr, "Usage: ctdb_mutex_fcntl_helper <file> [recheck_interval [ping_timeout]]\n"
        );
        return 1;
    }
    locked_file lock = lock_file(args->file);
    const char byte = static_cast<char>(lock.outcome);
    if (write(STDOUT_FILENO, &byte, 1) != 1 || lock.outcome != answer::held) {
        return 0;
    }
    if (parent == 1) {
        std::fprintf(stderr, "ctdb_mutex_fcntl_helper: parent == 1\n");
        return 0;
    }
    // Readable the moment the parent dies (W13); -1 (older kernel): poll ignores it.
    const unique_fd parent_fd(static_cast<int>(syscall(SYS_pidfd_open, parent, 0)));
    checker check;
    if (args->recheck_s > 0) {
        check = start_checker(args->file, lock.inode, {args->recheck_s, args->ping_s});
        if (check.pid < 0) {
            return 1;
        }
    }
    const char* why = hold(*args, parent, parent_fd.get(), check);
    lock.fd.reset(); // first of all
    if (why != nullptr) {
        std::fprintf(stderr, "ctdb_mutex_fcntl_helper: %s\n", why);
    }
    if (check.pid > 0) {
        kill(check.pid, SIGKILL);
    }
    return 0;
}
