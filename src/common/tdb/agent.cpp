#include "common/tdb/agent.hpp"

#include "common/base/log.hpp"
#include "common/tdb/agent_wire.hpp"
#include "common/tdb/file.hpp"
#include "common/tdb/rewrite.hpp"
#include "common/tdb/update.hpp"

#include <algorithm>
#include <csignal>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include <poll.h>
#include <sys/prctl.h>

namespace ctdb::tdb {

namespace {

class agent {
public:
    explicit agent(int socket) noexcept : socket_(socket) {}

    int run() {
        while (!gone_ || !rewrites_.empty()) {
            const bool more = !gone_ && serve_next();
            if (!more && !rewrites_.empty()) {
                go_on_with_a_rewrite();
            }
        }
        release_all(); // closing a file with its mutexes held would leave them locked for ever
        return exit_code_;
    }

private:
    struct rewrite {
        std::uint32_t file = 0;
        std::uint32_t serial = 0;
        std::unique_ptr<rewriting> work;
        std::vector<agent_command> later; // for the same file
    };

    // false: there was nothing. Sleeps if there is nothing else to do.
    bool serve_next() {
        auto command =
            receive_command(socket_, rewrites_.empty() ? waiting::allowed : waiting::refused);
        if (!command) {
            gone_ = true;
            if (command.error().code != ECONNRESET) {
                log_error("lock agent: {}", command.error().what);
                exit_code_ = 1;
            }
            return false;
        }
        if (*command) {
            serve(std::move(**command));
        }
        return command->has_value();
    }

    void serve(agent_command command) {
        const auto busy = std::ranges::find(rewrites_, command.file, &rewrite::file);
        if (busy != rewrites_.end()) {
            busy->later.push_back(std::move(command));
            return;
        }
        switch (command.op) {
        case agent_op::release:
            release(command.file);
            return;
        case agent_op::close:
            release(command.file);
            files_.erase(command.file);
            return;
        case agent_op::lock_chain:
        case agent_op::lock_all:
        case agent_op::try_all:
        case agent_op::apply:
        case agent_op::tidy:
        case agent_op::sync:
            release(command.file); // one lock of a file; ctdbd has released before
            answer(command.serial, work(command));
            return;
        case agent_op::rewrite:
            if (auto begun = begin_rewrite(command); !begun) {
                answer(command.serial, begun);
            }
            return;
        }
        answer(command.serial, fail(EINVAL, "unknown command"));
    }

    void answer(std::uint32_t serial, const result<>& done) {
        agent_reply reply;
        reply.serial = serial;
        if (!done) {
            reply.code = done.error().code;
            reply.what = done.error().what;
        }
        if (!send_reply(socket_, reply)) { // unable to tell: dying frees the lock
            gone_ = true;
            exit_code_ = 1;
        }
    }

    result<> work(const agent_command& command) {
        auto opened = file_of(command);
        if (!opened) {
            return pass(opened);
        }
        file& target = **opened;
        switch (command.op) {
        case agent_op::lock_chain:
            return hold(command, target.wait_lock_chain(command.payload));
        case agent_op::lock_all:
            return hold(command, target.wait_lock_all());
        case agent_op::try_all: {
            const auto locked = target.try_lock_all();
            if (locked && !*locked) {
                return fail(EBUSY, "{} is locked by others", target.path());
            }
            return hold(command, locked ? result<>() : pass(locked));
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

    result<> hold(const agent_command& command, result<> locked) {
        if (locked) {
            std::optional<std::uint32_t> chain;
            if (command.op == agent_op::lock_chain) {
                chain = files_.at(command.file)->chain_of(command.payload);
            }
            held_.insert_or_assign(command.file, chain);
        }
        return locked;
    }

    // What is begun in place is ended, also when ctdbd dies meanwhile: the lock is ours (I13).
    result<> begin_rewrite(const agent_command& command) {
        const auto order = decode_rewrite_order(command.payload);
        if (!order) {
            return pass(order);
        }
        const auto held = held_.find(command.file);
        if (held == held_.end() || held->second) {
            return fail(ENOLCK, "the file to rewrite is not held");
        }
        auto work = rewriting::begin(*files_.at(command.file), command.journal.get(), *order);
        if (!work) {
            return pass(work);
        }
        if (prctl(PR_SET_PDEATHSIG, 0) != 0) {
            return fail_errno("outlive ctdbd for a moment");
        }
        rewrites_.push_back({command.file, command.serial, std::move(*work), {}});
        return {};
    }

    // The next piece of the first, which is the last then.
    void go_on_with_a_rewrite() {
        constexpr std::chrono::milliseconds piece{2};
        const auto done = rewrites_.front().work->go_on(piece);
        if (done && !*done) {
            rewrites_.splice(rewrites_.end(), rewrites_, rewrites_.begin());
            return;
        }
        rewrite ended = std::move(rewrites_.front());
        rewrites_.pop_front();
        if (rewrites_.empty() && prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) {
            log_error("lock agent: cannot tie itself to ctdbd again: errno {}", errno);
            gone_ = true;
        }
        answer(ended.serial, done ? result<>() : pass(done)); // which tells if ctdbd has died
        for (agent_command& command : ended.later) {
            if (!gone_) {
                serve(std::move(command));
            }
        }
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

    void release(std::uint32_t number) {
        const auto held = held_.find(number);
        if (held == held_.end()) {
            return;
        }
        file& target = *files_.at(number);
        if (held->second) {
            target.unlock_chain(*held->second);
        } else {
            target.unlock_all();
        }
        held_.erase(held);
    }

    void release_all() {
        while (!held_.empty()) {
            release(held_.begin()->first);
        }
    }

    int socket_;
    std::map<std::uint32_t, std::unique_ptr<file>> files_;
    // By file number; of a file that is held as a whole: no chain.
    std::map<std::uint32_t, std::optional<std::uint32_t>> held_;
    std::list<rewrite> rewrites_; // begun; of held files
    bool gone_ = false;           // the other end
    int exit_code_ = 0;
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
