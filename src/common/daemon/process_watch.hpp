// process_watch: calls `gone` once, from the loop, when a process that is not our child has ended;
// at once if there is none.
#pragma once

#include "common/async/event_loop.hpp"
#include "common/async/fd_watch.hpp"
#include "common/base/result.hpp"
#include "common/base/unique_fd.hpp"

#include <functional>
#include <memory>

#include <sys/types.h>

namespace ctdb::daemon {

class process_watch {
public:
    // EINVAL: not a process id; else the errno of pidfd_open(2) other than ESRCH.
    static result<std::unique_ptr<process_watch>>
    start(async::event_loop& loop, pid_t pid, std::function<void()> gone);
    process_watch(const process_watch&) = delete;
    process_watch& operator=(const process_watch&) = delete;
    ~process_watch() = default;

private:
    process_watch(async::event_loop& loop, unique_fd fd, std::function<void()> gone);
    unique_fd fd_;
    async::deferred tell_;
    std::unique_ptr<async::fd_watch> watch_;
};

} // namespace ctdb::daemon
