// sock_daemon: the answering end of a Unix socket: accepts, keeps one packet_stream per client,
// tells who said what.
//
// Clients are known by their connection number (1, 2, ...), never used twice. All handlers run from
// the loop and may close any connection or destroy the daemon. What is sent to a client that is
// gone is dropped.
#pragma once

#include "common/async/event_loop.hpp"
#include "common/base/ids.hpp"
#include "common/sock/packet_stream.hpp"
#include "common/sock/unix_socket.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace ctdb::sock {

using connection_id = strong_id<struct connection_id_tag, std::uint64_t>;

class sock_daemon {
public:
    struct handlers {
        std::function<void(connection_id, const peer_credentials&)> on_connect; // optional
        std::function<void(connection_id, received_packet)> on_packet;
        std::function<void(connection_id, const stream_end&)> on_disconnect; // optional
    };
    // Errors of unix_listener::listen().
    static result<std::unique_ptr<sock_daemon>> listen(
        async::event_loop& loop, std::string path, const stream_policy& policy, handlers to_call
    );
    sock_daemon(const sock_daemon&) = delete;
    sock_daemon& operator=(const sock_daemon&) = delete;
    ~sock_daemon() = default;

    void send(connection_id to, bytes packet, urgency how = urgency::normal);
    void close(connection_id id);              // at once, without on_disconnect
    void close_when_flushed(connection_id id); // on_disconnect follows
    [[nodiscard]] const peer_credentials* peer(connection_id id) const noexcept; // null: gone
    [[nodiscard]] packet_stream* stream(connection_id id) noexcept;              // null: gone
    [[nodiscard]] std::size_t connections() const noexcept { return connections_.size(); }

private:
    struct connection {
        peer_credentials peer;
        std::unique_ptr<packet_stream> stream;
    };
    sock_daemon(async::event_loop& loop, const stream_policy& policy, handlers to_call);
    void accepted(unique_fd fd, const peer_credentials& peer);
    void ended(connection_id id, const stream_end& end);

    async::event_loop& loop_;
    stream_policy policy_;
    async::callback<connection_id, const peer_credentials&> on_connect_;
    async::callback<connection_id, received_packet> on_packet_;
    async::callback<connection_id, const stream_end&> on_disconnect_;
    connection_id last_;
    std::map<connection_id, connection> connections_;
    std::unique_ptr<unix_listener> listener_;
};

} // namespace ctdb::sock
