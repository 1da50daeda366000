#include "ctdbd/providers/provider_server.hpp"

#include "common/base/log.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>

#include <signal.h>

namespace ctdb::ctdbd {

namespace {

class socket_link final : public provider_link {
public:
    socket_link(sock::sock_daemon& socket, sock::connection_id id, std::int32_t pid)
        : socket_(socket), id_(id), pid_(pid) {}
    void send(bytes packet) override { socket_.send(id_, std::move(packet)); }
    void close() override { socket_.close_when_flushed(id_); }
    void end_process() override {
        if (pid_ > 0 && ::kill(pid_, SIGKILL) != 0) {
            log_warning("process {} cannot be ended: {}", pid_, std::strerror(errno));
        }
    }

private:
    sock::sock_daemon& socket_;
    const sock::connection_id id_;
    const std::int32_t pid_; // as the kernel says; the connection is open, so it is still theirs
};

} // namespace

result<std::unique_ptr<provider_server>>
provider_server::listen(async::event_loop& loop, const std::string& path, provider_hub& hub) {
    std::unique_ptr<provider_server> server(new provider_server(hub));
    provider_server* self = server.get();
    sock::stream_policy policy;
    policy.length_max = provider::packet_length_max;
    sock::sock_daemon::handlers handlers;
    handlers.on_connect = [self](sock::connection_id id, const sock::peer_credentials& peer) {
        self->connect(id, peer.pid);
    };
    handlers.on_packet = [self](sock::connection_id id, const sock::received_packet& packet) {
        self->hub_.packet(self->numbers_.at(id), packet.view());
    };
    handlers.on_disconnect = [self](sock::connection_id id, const sock::stream_end&) {
        const auto gone = self->numbers_.extract(id);
        if (!gone.empty()) {
            self->hub_.provider_gone(gone.mapped());
        }
    };
    auto socket = sock::sock_daemon::listen(loop, path, policy, std::move(handlers));
    if (!socket) {
        return pass(socket);
    }
    server->socket_ = std::move(*socket);
    return server;
}

void provider_server::connect(sock::connection_id id, std::int32_t pid) {
    numbers_.emplace(id, hub_.connected(std::make_unique<socket_link>(*socket_, id, pid), pid));
}

} // namespace ctdb::ctdbd
