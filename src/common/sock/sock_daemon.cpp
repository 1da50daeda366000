#include "common/sock/sock_daemon.hpp"

namespace ctdb::sock {

namespace {

template <class... Args>
std::function<void(Args...)> or_nothing(std::function<void(Args...)> handler) {
    return handler ? std::move(handler) : [](Args...) {};
}

} // namespace

result<std::unique_ptr<sock_daemon>> sock_daemon::listen(
    async::event_loop& loop, std::string path, const stream_policy& policy, handlers to_call
) {
    std::unique_ptr<sock_daemon> self(new sock_daemon(loop, policy, std::move(to_call)));
    auto listener = unix_listener::listen(
        loop,
        std::move(path),
        [raw = self.get()](unique_fd fd, peer_credentials peer) {
            raw->accepted(std::move(fd), peer);
        }
    );
    if (!listener) {
        return pass(listener);
    }
    self->listener_ = std::move(*listener);
    return self;
}

sock_daemon::sock_daemon(async::event_loop& loop, const stream_policy& policy, handlers to_call)
    : loop_(loop), policy_(policy), on_connect_(or_nothing(std::move(to_call.on_connect))),
      on_packet_(std::move(to_call.on_packet)),
      on_disconnect_(or_nothing(std::move(to_call.on_disconnect))) {}

void sock_daemon::accepted(unique_fd fd, const peer_credentials& peer) {
    const connection_id id(++last_.value);
    auto stream = std::make_unique<packet_stream>(
        loop_,
        std::move(fd),
        policy_,
        packet_stream::handlers{
            [this, id](received_packet packet) { on_packet_(id, packet); },
            [this, id](const stream_end& end) { ended(id, end); }}
    );
    connections_.emplace(id, connection{peer, std::move(stream)});
    on_connect_(id, peer); // may destroy us
}

void sock_daemon::ended(connection_id id, const stream_end& end) {
    connections_.erase(id);
    on_disconnect_(id, end); // may destroy us
}

void sock_daemon::send(connection_id to, bytes packet, urgency how) {
    if (packet_stream* found = stream(to)) {
        found->send(std::move(packet), how);
    }
}

void sock_daemon::close(connection_id id) {
    connections_.erase(id);
}

void sock_daemon::close_when_flushed(connection_id id) {
    if (packet_stream* found = stream(id)) {
        found->close_when_flushed();
    }
}

const peer_credentials* sock_daemon::peer(connection_id id) const noexcept {
    const auto found = connections_.find(id);
    return found == connections_.end() ? nullptr : &found->second.peer;
}

packet_stream* sock_daemon::stream(connection_id id) noexcept {
    const auto found = connections_.find(id);
    return found == connections_.end() ? nullptr : found->second.stream.get();
}

} // namespace ctdb::sock
