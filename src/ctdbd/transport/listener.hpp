// listener: finds the node's own address, listens there, hands out accepted connections.
#pragma once

#include "common/async/fd_watch.hpp"
#include "common/base/result.hpp"
#include "common/base/unique_fd.hpp"
#include "common/protocol/sock_addr.hpp"

#include <functional>
#include <string>
#include <vector>

namespace ctdb::ctdbd {

struct listening_socket {
    unique_fd fd;
    protocol::sock_addr address; // the one of `candidates` that is ours
};

// Binds the configured address, or else the first candidate that can be bound here
// (cluster.md 2.2). The search is serialised over `lock_file`, so that two daemons on one host
// never take the same entry. EADDRINUSE and the like name the address.
[[nodiscard]] result<listening_socket> listen_on_own_address(
    const protocol::sock_addr& configured, // none: search
    const std::vector<protocol::sock_addr>& candidates,
    const std::string& lock_file
);

class listener {
public:
    using on_connection = std::function<void(unique_fd, protocol::sock_addr from)>;
    listener(async::event_loop& loop, listening_socket socket, on_connection accepted);

private:
    void accept_one();
    listening_socket socket_;
    on_connection accepted_;
    unique_fd reserve_; // given up for a moment when descriptors run out, so that accept cannot
                        // spin (W67)
    async::timer pause_;
    async::fd_watch watch_;
};

} // namespace ctdb::ctdbd
