// -T: the whole run must end in time, whatever it is doing - also while it sleeps in a file lock.
#pragma once

#include <chrono>

#include <sys/types.h>

namespace ctdb::tool {

// After `limit`: a line on stderr, with `json` an error object on stdout, the child below is
// killed, exit status 1.
void start_watchdog(std::chrono::seconds limit, bool json);

// A child that goes down with us.
class watched_child {
public:
    explicit watched_child(pid_t pid);
    watched_child(const watched_child&) = delete;
    watched_child& operator=(const watched_child&) = delete;
    ~watched_child();
};

} // namespace ctdb::tool
