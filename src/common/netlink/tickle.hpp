// A packet that makes the other side of a TCP connection find out that this side does not know it
// any more (failover.md 7.3).
//
// An acknowledgement with sequence number 0 from our address and port: a live client answers with
// its own, which this host, having no such connection, resets; the client connects anew at once
// instead of waiting for an answer that never comes.
#pragma once

#include "common/base/bytes.hpp"
#include "common/base/result.hpp"
#include "common/base/unique_fd.hpp"
#include "common/protocol/types_address.hpp"

namespace ctdb::netlink {

// The IP packet from our side (dst) to the client (src). Nothing: not both IPv4 or both IPv6.
[[nodiscard]] bytes tickle_packet(const protocol::connection& c);

// Needs CAP_NET_RAW.
class tickle_sender {
public:
    // Sockets for both families; a machine without IPv6 is no error.
    static result<tickle_sender> open();
    // EAFNOSUPPORT; errors of sendto. Never blocks.
    [[nodiscard]] result<> send(const protocol::connection& c) const;

private:
    tickle_sender(unique_fd v4, unique_fd v6) noexcept : v4_(std::move(v4)), v6_(std::move(v6)) {}
    unique_fd v4_;
    unique_fd v6_;
};

} // namespace ctdb::netlink
