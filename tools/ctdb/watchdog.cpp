#include "watchdog.hpp"

#include "common/base/ensure.hpp"

#include <csignal>
#include <cstdio>
#include <string_view>

#include <unistd.h>

namespace ctdb::tool {

namespace {

volatile pid_t child = 0; // read by the signal handler
volatile std::sig_atomic_t with_json = 0;

void put(int fd, std::string_view text) {
    if (::write(fd, text.data(), text.size()) < 0) {
        // nobody reads it: nothing more to do
    }
}

// Only what is safe in a signal handler.
void expired(int) {
    put(STDERR_FILENO, "Maximum runtime exceeded - exiting\n");
    if (with_json != 0) {
        put(STDOUT_FILENO,
            "{\"error\":{\"code\":\"timeout\",\"errno\":110,"
            "\"message\":\"Maximum runtime exceeded - exiting\","
            "\"hint\":\"-T gives it more time\",\"node\":null}}\n");
    }
    if (child > 0) {
        ::kill(-child, SIGTERM);
    }
    ::_exit(1);
}

} // namespace

void start_watchdog(std::chrono::seconds limit, bool json) {
    with_json = json ? 1 : 0;
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
