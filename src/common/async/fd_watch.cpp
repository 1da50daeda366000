#include "common/async/fd_watch.hpp"

#include "common/async/tevent.hpp"
#include "common/base/ensure.hpp"

namespace ctdb::async {

fd_watch::fd_watch(event_loop& loop, int fd, std::function<void(fd_readiness)> ready)
    : ready_(std::move(ready)), event_(tevent_add_fd(loop.raw(), nullptr, fd, 0, on_event, this)) {
    ensure(event_ != nullptr);
}

fd_watch::~fd_watch() = default;

void fd_watch::want_read(bool wanted) {
    want(TEVENT_FD_READ, wanted);
}

void fd_watch::want_write(bool wanted) {
    want(TEVENT_FD_WRITE, wanted);
}

void fd_watch::want(std::uint16_t flag, bool wanted) {
    const std::uint16_t have = tevent_fd_get_flags(event_.get());
    const auto next = static_cast<std::uint16_t>(wanted ? have | flag : have & ~flag);
    if (next != have) {
        tevent_fd_set_flags(event_.get(), next);
    }
}

void fd_watch::on_event(tevent_context*, tevent_fd*, std::uint16_t flags, void* self) noexcept {
    fd_readiness readiness;
    readiness.readable = (flags & TEVENT_FD_READ) != 0;
    readiness.writable = (flags & TEVENT_FD_WRITE) != 0;
    static_cast<fd_watch*>(self)->ready_(readiness); // may destroy *self
}

} // namespace ctdb::async
