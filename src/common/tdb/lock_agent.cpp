#include "common/tdb/lock_agent.hpp"

#include "common/base/log.hpp"

#include <array>
#include <cerrno>

#include <poll.h>
#include <sys/socket.h>

namespace ctdb::tdb {

result<std::unique_ptr<lock_agent>>
lock_agent::start(async::event_loop& loop, const command_line& command, events handlers) {
    constexpr int fd_in_agent = 3;
    std::array<int, 2> ends{-1, -1};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        return fail_errno("socket for a lock agent");
    }
    std::unique_ptr<lock_agent> agent(new lock_agent);
    agent->socket_.reset(ends[0]);
    const unique_fd theirs(ends[1]);
    async::child_options options;
    options.argv = {
        command.program, std::to_string(fd_in_agent), std::to_string(command.added_nice)};
    options.pass = {{theirs.get(), fd_in_agent}};
    auto process = async::child_process::start(loop, std::move(options));
    if (!process) {
        return pass(process);
    }
    agent->process_ = std::move(*process);
    agent->handlers_ = std::move(handlers);
    lock_agent* self = agent.get();
    agent->watch_ =
        std::make_unique<async::fd_watch>(loop, agent->socket_.get(), [self](async::fd_readiness) {
            self->readable();
        });
    agent->watch_->want_read(true);
    return agent;
}

bool lock_agent::alive() const {
    pollfd look{socket_.get(), 0, 0};
    int seen = 0;
    do {
        seen = poll(&look, 1, 0);
    } while (seen < 0 && errno == EINTR); // a signal says nothing of the agent
    return seen == 0;
}

void lock_agent::readable() {
    const auto reply = receive_reply(socket_.get(), waiting::refused);
    if (!reply) {
        if (reply.error().code != ECONNRESET) {
            log_error("lock agent {}: {}", pid(), reply.error().what);
        }
        watch_->want_read(false);
        const auto died = handlers_.died;
        died(); // may destroy *this
        return;
    }
    if (*reply) {
        const auto replied = handlers_.replied;
        replied(**reply); // may destroy *this
    }
}

} // namespace ctdb::tdb
