// lock_agent: one agent process seen from ctdbd. Used by lock_agents only.
//
// Ownership: destroying it kills the process (its locks end with it) and reaps it. `events` are
// called from the loop and may destroy the lock_agent; after `died` nothing more is called.
#pragma once

#include "common/async/child_process.hpp"
#include "common/tdb/agent_wire.hpp"

#include <csignal>

namespace ctdb::tdb {

class lock_agent {
public:
    struct events {
        std::function<void(const agent_reply&)> replied;
        std::function<void()> died;
    };
    struct command_line {
        std::string program;
        int added_nice = 0;
    };
    static result<std::unique_ptr<lock_agent>>
    start(async::event_loop& loop, const command_line& command, events handlers);
    lock_agent(const lock_agent&) = delete;
    lock_agent& operator=(const lock_agent&) = delete;

    [[nodiscard]] pid_t pid() const noexcept { return process_->pid(); }
    [[nodiscard]] bool alive() const; // asks the kernel, as `died` may still be on its way
    void kill() const { process_->kill(SIGKILL); } // `died` follows
    result<> send(const agent_command& command, int journal = -1) const {
        return send_command(socket_.get(), command, journal);
    }

private:
    lock_agent() = default;
    void readable();

    events handlers_;
    unique_fd socket_;
    std::unique_ptr<async::fd_watch> watch_; // after socket_: ends first
    std::unique_ptr<async::child_process> process_;
};

} // namespace ctdb::tdb
