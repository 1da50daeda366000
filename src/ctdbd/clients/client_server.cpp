#include "ctdbd/clients/client_server.hpp"

#include "common/base/log.hpp"

namespace ctdb::ctdbd {

namespace {

class socket_link final : public client_link {
public:
    socket_link(sock::sock_daemon& socket, sock::connection_id id) : socket_(socket), id_(id) {}
    void send(bytes packet) override { socket_.send(id_, std::move(packet)); }
    [[nodiscard]] std::size_t queued_packets() const override {
        const sock::packet_stream* stream = socket_.stream(id_);
        return stream == nullptr ? 0 : stream->queued_packets();
    }
    [[nodiscard]] std::size_t queued_bytes() const override {
        const sock::packet_stream* stream = socket_.stream(id_);
        return stream == nullptr ? 0 : stream->queued_bytes();
    }
    void close(std::string_view why) override {
        log_warning("client disconnected: {}", why);
        socket_.close_when_flushed(id_);
    }

private:
    sock::sock_daemon& socket_;
    const sock::connection_id id_;
};

// Why a connection ended, where it was not simply closed.
void log_end(client_id client, const sock::stream_end& end) {
    if (end.cause == sock::end_cause::closed) {
        log_debug("client {} has gone", client);
    } else {
        log_warning("client {} disconnected: {}", client, end.what);
    }
}

} // namespace

result<std::unique_ptr<client_server>> client_server::listen(
    async::event_loop& loop, const std::string& path, const client_limits& limits, client_hub& hub
) {
    std::unique_ptr<client_server> server(new client_server(hub));
    client_server* self = server.get();
    sock::stream_policy policy;
    policy.length_max = limits.packet_bytes_max;
    sock::sock_daemon::handlers handlers;
    handlers.on_connect = [self](sock::connection_id id, const sock::peer_credentials& peer) {
        self->connect(id, peer.pid);
    };
    handlers.on_packet = [self](sock::connection_id id, const sock::received_packet& packet) {
        self->hub_.packet(self->clients_.at(id), packet.view());
    };
    handlers.on_disconnect = [self](sock::connection_id id, const sock::stream_end& end) {
        const auto gone = self->clients_.extract(id);
        if (!gone.empty()) {
            log_end(gone.mapped(), end);
            self->hub_.client_gone(gone.mapped());
        }
    };
    auto socket = sock::sock_daemon::listen(loop, path, policy, std::move(handlers));
    if (!socket) {
        return pass(socket);
    }
    server->socket_ = std::move(*socket);
    return server;
}

void client_server::connect(sock::connection_id id, pid_t pid) {
    clients_.emplace(id, hub_.connected(std::make_unique<socket_link>(*socket_, id), pid));
}

} // namespace ctdb::ctdbd
