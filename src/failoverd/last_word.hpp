// last_word: the datagram with which a node whose ctdbd has died tells the others that it has
// released everything (failover.md 15.8, proof 1), over the private addresses, UDP on the port of
// the node transport. Nothing depends on its arrival: it only saves the others waiting.
#pragma once

#include "common/async/fd_watch.hpp"
#include "common/base/result.hpp"
#include "common/base/unique_fd.hpp"
#include "common/protocol/sock_addr.hpp"
#include "failoverd/messages.hpp"

#include <functional>
#include <memory>
#include <vector>

namespace ctdb::failoverd {

class last_word {
public:
    using handler = std::function<void(const released_all&, const protocol::sock_addr& from)>;
    // `own`: address and port.
    static result<std::unique_ptr<last_word>>
    open(async::event_loop& loop, const protocol::sock_addr& own, handler heard);
    last_word(const last_word&) = delete;
    last_word& operator=(const last_word&) = delete;
    ~last_word() = default;

    void say(const std::vector<protocol::sock_addr>& to, const released_all& what) const;

private:
    last_word(async::event_loop& loop, unique_fd fd, handler heard);
    void read_all();
    unique_fd fd_;
    handler heard_;
    async::fd_watch watch_;
};

} // namespace ctdb::failoverd
