// ctdb-lock-keeper LEASE-MS ATTEMPT-MS PROGRAM [ARGUMENT...]: see README.md. Not for use by hand.
#include "keeper.hpp"

#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <sys/signalfd.h>

namespace {

constexpr int command_fd = 3;

// 0: not a positive number.
long long number(const char* text) {
    long long value = 0;
    const char* end = text + std::strlen(text);
    const auto [stop, error] = std::from_chars(text, end, value);
    return error == std::errc() && stop == end && value > 0 ? value : 0;
}

int terminate_fd() {
    signal(SIGPIPE, SIG_IGN);
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, nullptr);
    return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

} // namespace

int main(int argc, char** argv) {
    ctdb::lock_keeper::keeper_settings settings;
    if (argc >= 4) {
        settings.lease_ms = number(argv[1]);
        settings.attempt_ms = number(argv[2]);
        settings.program = argv + 3;
    }
    if (settings.lease_ms == 0 || settings.attempt_ms == 0 || fcntl(command_fd, F_GETFD) < 0) {
        std::fputs(
            "usage: ctdb-lock-keeper LEASE-MS ATTEMPT-MS PROGRAM [ARGUMENT...] (started by ctdbd "
            "only, with its commands on descriptor 3)\n",
            stderr
        );
        return 2;
    }
    settings.commands = command_fd;
    settings.terminated = terminate_fd();
    fcntl(command_fd, F_SETFD, FD_CLOEXEC);
    // The descriptor shares its file description with nobody who would mind.
    fcntl(command_fd, F_SETFL, O_NONBLOCK);
    return ctdb::lock_keeper::keeper(settings).run();
}
