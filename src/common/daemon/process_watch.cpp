#include "common/daemon/process_watch.hpp"

#include <utility>

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace ctdb::daemon {

result<std::unique_ptr<process_watch>>
process_watch::start(async::event_loop& loop, pid_t pid, std::function<void()> gone) {
    if (pid <= 0) {
        return fail(EINVAL, "{} is no process id", pid);
    }
    unique_fd fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))); // close-on-exec by itself
    if (!fd && errno != ESRCH) {
        return fail_errno("watch process {}", pid);
    }
    return std::unique_ptr<process_watch>(new process_watch(loop, std::move(fd), std::move(gone)));
}

process_watch::process_watch(async::event_loop& loop, unique_fd fd, std::function<void()> gone)
    : fd_(std::move(fd)), tell_(loop, std::move(gone)) {
    if (!fd_) {
        tell_.schedule();
        return;
    }
    watch_ = std::make_unique<async::fd_watch>(loop, fd_.get(), [this](async::fd_readiness) {
        watch_->want_read(false);
        tell_.schedule();
    });
    watch_->want_read(true);
}

} // namespace ctdb::daemon
