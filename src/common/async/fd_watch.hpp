// fd_watch: calls `ready` from the loop while the descriptor can be read or written, as wanted.
// Level-triggered.
//
// Does not own the descriptor, which must outlive the watch. One watch per descriptor (a second
// reader would be starved silently by epoll). The handler may destroy the watch.
#pragma once

#include "common/async/event_loop.hpp"

#include <functional>

namespace ctdb::async {

struct fd_readiness {
    bool readable = false;
    bool writable = false;
};

class fd_watch {
public:
    fd_watch(event_loop& loop, int fd, std::function<void(fd_readiness)> ready);
    fd_watch(const fd_watch&) = delete;
    fd_watch& operator=(const fd_watch&) = delete;
    ~fd_watch();

    void want_read(bool wanted);  // off at first
    void want_write(bool wanted); // off at first

private:
    static void on_event(tevent_context*, tevent_fd*, std::uint16_t flags, void* self) noexcept;
    void want(std::uint16_t flag, bool wanted);
    callback<fd_readiness> ready_;
    std::unique_ptr<tevent_fd, talloc_deleter> event_;
};

} // namespace ctdb::async
