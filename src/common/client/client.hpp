// client: a connection to ctdbd's client socket, as a cluster_port, with tunnels and record calls.
//
// One per daemon or tool. After the connection has ended everything fails with ENOTCONN and
// `on_end` has been called once; there is no reconnecting in here, because registrations and
// database handles are void by then: make a new client. Handlers run from the loop. A handler may
// destroy its own subscription or tunnel; it must not destroy the client (on_end may).
// Subscriptions, tunnels and database handles may outlive the client: they are then without effect.
#pragma once

#include "common/async/event_loop.hpp"
#include "common/client/cluster_port.hpp"
#include "common/protocol/packet.hpp"
#include "common/sock/sock_client.hpp"

#include <functional>
#include <memory>
#include <string>

namespace ctdb::client {

struct call_answer {
    std::int32_t status = 0;
    bytes data;
};

class dispatcher; // who wants which message: client_registry.hpp

class client final : public cluster_port {
public:
    using end_handler = std::function<void(const sock::stream_end&)>;

    // Connects and asks ctdbd for the own node number (GET_PNN). Errors of connect_unix();
    // ETIMEDOUT; EPROTO: it has none. A full queue of connections (EAGAIN) is waited for.
    static async::task<result<std::unique_ptr<client>>> connect(
        async::event_loop& loop,
        std::string socket_path,
        async::time_point deadline,
        end_handler on_end = {}
    );
    ~client() override;

    // ---- cluster_port ----
    [[nodiscard]] async::runtime& runtime() override { return loop_; }
    [[nodiscard]] pnn self() const override { return self_; }
    // A disconnected node is an answer here: status -1 with ctdbd's text.
    [[nodiscard]] async::task<result<control_answer>>
    control(control_call call, async::time_point deadline) override;
    void control_without_reply(control_call call) override;
    void message(pnn to, ctdb::srvid address, byte_view data) override;
    [[nodiscard]] std::unique_ptr<message_subscription>
    subscribe(ctdb::srvid address, std::function<void(byte_view data)> handler) override;

    // ---- beyond ----
    // As subscribe(), and the daemon has confirmed it: nothing sent from now on is missed.
    [[nodiscard]] async::task<result<std::unique_ptr<message_subscription>>> subscribe_confirmed(
        ctdb::srvid address, std::function<void(byte_view data)> handler, async::time_point deadline
    );

    // One process per tunnel and node: EADDRINUSE. The registration ends with the returned object.
    using tunnel_handler = std::function<void(protocol::tunnel_flags flags, byte_view data)>;
    [[nodiscard]] async::task<result<std::unique_ptr<message_subscription>>>
    open_tunnel(std::uint64_t tunnel, tunnel_handler handler, async::time_point deadline);
    // Requires the tunnel open here. No answer and no origin: put both into `data`.
    void send_tunnel(pnn to, std::uint64_t tunnel, protocol::tunnel_flags flags, byte_view data);

    // REQ_CALL to the own daemon. EREMOTEIO: answered with REPLY_ERROR.
    [[nodiscard]] async::task<result<call_answer>>
    call(protocol::req_call request, async::time_point deadline); // views until the first wait

    [[nodiscard]] bool connected() const noexcept { return sock_->connected(); }
    [[nodiscard]] async::event_loop& loop() noexcept { return loop_; }
    void flush() { sock_->flush(); } // sends what waits at once instead of with the next turn

private:
    client(async::event_loop& loop, end_handler on_end);
    [[nodiscard]] protocol::packet_header header_to(pnn to) const;
    [[nodiscard]] bytes encode_control(const control_call& call) const;
    void received(byte_view packet);
    [[nodiscard]] std::unique_ptr<message_subscription>
    add_handler(ctdb::srvid address, std::function<void(byte_view data)> handler);

    async::event_loop& loop_;
    end_handler on_end_;
    pnn self_ = unknown_pnn;
    std::shared_ptr<dispatcher> dispatcher_;
    std::unique_ptr<sock::sock_client> sock_;
};

} // namespace ctdb::client
