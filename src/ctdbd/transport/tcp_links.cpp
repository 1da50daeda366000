#include "ctdbd/transport/tcp_links.hpp"

#include "common/base/ensure.hpp"
#include "common/base/log.hpp"

#include <algorithm>

namespace ctdb::ctdbd {

namespace {

using namespace std::chrono_literals;

constexpr async::duration stranger_kept = 5s; // W21
constexpr std::size_t strangers_max = 64;

} // namespace

tcp_links::tcp_links(async::event_loop& loop, listening_socket own, const link_settings& settings)
    : loop_(loop), settings_(settings),
      listener_(loop, std::move(own), [this](unique_fd fd, const protocol::sock_addr& from) {
          accepted(std::move(fd), from);
      }) {}

tcp_links::~tcp_links() = default;

std::unique_ptr<peer_link> tcp_links::make_link(const peer_address& peer) {
    ensure(events_ != nullptr);
    const pnn node = peer.pnn;
    link_handlers handlers;
    handlers.up = [this, node] { events_->link_up(node); };
    handlers.down = [this, node](const link_loss& loss) { events_->link_down(node, loss); };
    handlers.packet = [this, node](byte_view packet) { events_->link_packet(node, packet); };
    return std::make_unique<peer_link>(loop_, node, peer.address, settings_, std::move(handlers));
}

void tcp_links::set_peers(const std::vector<peer_address>& peers) {
    for (auto it = links_.begin(); it != links_.end();) {
        const bool kept = std::any_of(peers.begin(), peers.end(), [&](const peer_address& p) {
            return p.pnn == it->first && p.address == it->second->address();
        });
        if (kept) {
            ++it;
            continue;
        }
        const pnn gone = it->first;
        const bool was_connected = it->second->connected();
        it = links_.erase(it);
        if (was_connected) {
            events_->link_down(gone, link_loss{"removed from the nodes list", false});
        }
    }
    for (const peer_address& peer : peers) {
        if (!links_.contains(peer.pnn)) {
            const auto added = links_.emplace(peer.pnn, make_link(peer)).first;
            added->second->start();
        }
    }
}

void tcp_links::send(pnn to, bytes packet) {
    const auto link = links_.find(to);
    if (link != links_.end()) {
        link->second->send(std::move(packet));
    }
}

void tcp_links::fail(pnn peer, std::string why) {
    const auto link = links_.find(peer);
    if (link != links_.end()) {
        link->second->fail(std::move(why));
    }
}

std::size_t tcp_links::queued_bytes(pnn to) const {
    const auto link = links_.find(to);
    return link == links_.end() ? 0 : link->second->queued_bytes();
}

bool tcp_links::connected(pnn peer) const {
    const auto link = links_.find(peer);
    return link != links_.end() && link->second->connected();
}

void tcp_links::accepted(unique_fd connection, const protocol::sock_addr& from) {
    for (const auto& [node, link] : links_) {
        if (protocol::same_ip(link->address(), from)) {
            link->accept(std::move(connection));
            return;
        }
    }
    if (strangers_.size() >= strangers_max) {
        strangers_.pop_front();
    }
    if (strangers_.empty()) {
        log_warning("connection from {}, which is not in the nodes list", protocol::to_text(from));
    }
    const auto added = strangers_.emplace(strangers_.end());
    added->fd = std::move(connection);
    added->until =
        std::make_unique<async::timer>(loop_, [this, added] { strangers_.erase(added); });
    added->until->arm_in(stranger_kept);
}

} // namespace ctdb::ctdbd
