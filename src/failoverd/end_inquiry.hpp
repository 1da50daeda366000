// end_inquiry: asks the host of a node that has left whether its failoverd has ended: a datagram to
// its port for last words (last_word.hpp), again and again for a short time. When the host's kernel
// answers that nobody has the port (ICMP port unreachable), that process can begin nothing any
// more. Silence proves nothing (host dead, cut off, process alive, ICMP filtered).
#pragma once

#include "common/async/fd_watch.hpp"
#include "common/async/runtime.hpp"
#include "common/base/result.hpp"
#include "common/base/unique_fd.hpp"
#include "common/protocol/sock_addr.hpp"

#include <functional>
#include <memory>

namespace ctdb::failoverd {

class end_inquiry {
public:
    // Asked at 0, 10, 30, 70 ms and so on, the pause doubling, not later than this.
    static constexpr std::chrono::milliseconds asks_for{3000};
    enum class outcome { has_ended, no_answer };

    // `own` without, `peer` with port. `over` is called once, may destroy the inquiry and should:
    // it keeps its socket.
    static result<std::unique_ptr<end_inquiry>> start(
        async::event_loop& loop,
        const protocol::sock_addr& own,
        const protocol::sock_addr& peer,
        std::function<void(outcome)> over
    );
    end_inquiry(const end_inquiry&) = delete;
    end_inquiry& operator=(const end_inquiry&) = delete;
    ~end_inquiry() = default;

private:
    end_inquiry(async::event_loop& loop, unique_fd fd, std::function<void(outcome)> over);
    void ask();
    void judge(ssize_t done); // of a send or receive
    void finish(outcome what);

    unique_fd fd_;
    std::function<void(outcome)> over_;
    std::chrono::milliseconds pause_{10};
    async::time_point until_;
    async::event_loop& loop_;
    async::fd_watch watch_;
    async::timer again_;
};

} // namespace ctdb::failoverd
