#include "watchdog.hpp"

#include "common/base/ensure.hpp"

#include <csignal>
#include <cstdio>
#include <string_view>

#include <unistd.h>

namespace ctdb::tool {

namespace {

volatile pid_t child = 0; // read by the signal handler

// Only what is safe in a signal handler.
void expired(int) {
    constexpr std::string_view text = "Maximum runtime exceeded - exiting\n";
    if (::write(STDERR_FILENO, text.data(), text.size()) < 0) {
        // nobody reads it: nothing more to do
    }
    if (child > 0) {
        ::kill(-child, SIGTERM);
    }
    ::_exit(1);
}

} // namespace

void start_watchdog(std::chrono::seconds limit) {
    struct sigaction action {};
    action.sa_handler = expired;
    ensure(::sigaction(SIGALRM, &action, nullptr) == 0);
    ::alarm(static_cast<unsigned>(limit.count()));
}

watched_child::watched_child(pid_t pid) {
    child = pid;
}

watched_child::~watched_child() {
    child = 0;
}

} // namespace ctdb::tool
