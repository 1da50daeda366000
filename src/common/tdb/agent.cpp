#include "common/tdb/agent.hpp"

#include "common/base/log.hpp"
#include "common/tdb/agent_wire.hpp"
#include "common/tdb/file.hpp"
#include "common/tdb/rewrite.hpp"
#include "common/tdb/update.hpp"

#include <csignal>
#include <map>
#include <memory>

#include <poll.h>
#include <sys/prctl.h>

namespace ctdb::tdb {

namespace {

class agent {
public:
    explicit agent(int socket) noexcept : socket_(socket) {}

    int run() {
        for (;;) {
            auto command = receive_command(socket_);
            if (!command) {
                release();
                if (command.error().code == ECONNRESET) {
                    return 0;
                }
                log_error("lock agent: {}", command.error().what);
                return 1;
            }
            if (!serve(*command)) {
                release(); // closing a file with its mutexes held would leave them locked for ever
                return 1;
            }
        }
    }

private:
    bool serve(const agent_command& command) {
        switch (command.op) {
        case agent_op::release:
            release();
            return true;
        case agent_op::close:
            release();
            files_.erase(command.file);
            return true;
        case agent_op::lock_chain:
        case agent_op::lock_all:
        case agent_op::apply:
        case agent_op::tidy:
        case agent_op::sync:
            release(); // one lock at a time; ctdbd has released before
            return answer(command, work(command));
        case agent_op::rewrite:
            return answer(command, rewrite(command));
        }
        return answer(command, fail(EINVAL, "unknown command"));
    }

    [[nodiscard]] bool answer(const agent_command& command, const result<>& done) const {
        agent_reply reply;
        reply.serial = command.serial;
        if (!done) {
            reply.code = done.error().code;
            reply.what = done.error().what;
        }
        return send_reply(socket_, reply).has_value(); // unable to tell: dying frees the lock
    }

    result<> work(const agent_command& command) {
        auto opened = file_of(command);
        if (!opened) {
            return pass(opened);
        }
        file& target = **opened;
        switch (command.op) {
        case agent_op::lock_chain: {
            auto locked = target.wait_lock_chain(command.payload);
            if (locked) {
                held_ = &target;
                held_chain_ = target.chain_of(command.payload);
            }
            return locked;
        }
        case agent_op::lock_all: {
            auto locked = target.wait_lock_all();
            if (locked) {
                held_ = &target;
                held_chain_.reset();
            }
            return locked;
        }
        case agent_op::apply:
            return apply_update(
                target,
                command.payload,
                command.volatile_rule ? missing_keys::skip : missing_keys::create
            );
        case agent_op::tidy:
            return tidy(target, command.payload);
        case agent_op::sync:
            return target.sync();
        default:
            return fail(EINVAL, "unknown command");
        }
    }

    // What is begun in place is ended, also when ctdbd dies meanwhile: the lock is ours (I13).
    result<> rewrite(const agent_command& command) {
        const auto order = decode_rewrite_order(command.payload);
        if (!order) {
            return pass(order);
        }
        const auto target = files_.find(command.file);
        if (target == files_.end() || target->second.get() != held_ || held_chain_) {
            return fail(ENOLCK, "the file to rewrite is not held");
        }
        if (prctl(PR_SET_PDEATHSIG, 0) != 0) {
            return fail_errno("outlive ctdbd for a moment");
        }
        auto done = apply_rewrite(*held_, command.journal.get(), *order);
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) {
            return fail_errno("tie a lock agent to ctdbd again");
        }
        return done;
    }

    static result<> tidy(file& target, byte_view payload) {
        reader in(payload);
        const auto pieces_max = in.get<std::uint32_t>();
        const auto pieces = target.free_pieces();
        if (!in.ok() || !pieces) {
            return in.ok() ? pass(pieces) : fail(EINVAL, "tidy without its limit");
        }
        return *pieces >= pieces_max ? target.repack() : result<>();
    }

    result<file*> file_of(const agent_command& command) {
        std::unique_ptr<file>& slot = files_[command.file];
        if (slot == nullptr) {
            open_options options;
            options.path = command.path;
            options.flags = command.flags;
            auto opened = file::open(options);
            if (!opened) {
                files_.erase(command.file);
                return pass(opened);
            }
            slot = std::move(*opened);
        }
        if ((command.flags & open_flag::sequence_number) != 0) {
            slot->enable_sequence_number(); // any write of ours counts (databases.md 1.6)
        }
        return slot.get();
    }

    void release() {
        if (held_ == nullptr) {
            return;
        }
        if (held_chain_) {
            held_->unlock_chain(*held_chain_);
        } else {
            held_->unlock_all();
        }
        held_ = nullptr;
    }

    int socket_;
    std::map<std::uint32_t, std::unique_ptr<file>> files_;
    file* held_ = nullptr;
    std::optional<std::uint32_t> held_chain_; // nothing: the whole of held_
};

bool other_end_is_gone(int socket) {
    pollfd look{socket, POLLIN, 0};
    return poll(&look, 1, 0) > 0 && (look.revents & (POLLHUP | POLLERR)) != 0;
}

} // namespace

int run_agent(int socket) {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) {
        log_error("lock agent: cannot tie itself to ctdbd: errno {}", errno);
        return 1;
    }
    if (other_end_is_gone(socket)) { // it died before the line above
        return 0;
    }
    return agent(socket).run();
}

} // namespace ctdb::tdb
