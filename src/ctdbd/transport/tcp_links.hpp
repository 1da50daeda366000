// tcp_links: the links to all peers, and who may connect to us.
//
// A connection from an address that is no peer's is kept open unread for a while and then closed,
// so that a real daemon that reconnects at once on a close does not spin against us (W21).
#pragma once

#include "ctdbd/routing/router.hpp"
#include "ctdbd/transport/listener.hpp"
#include "ctdbd/transport/peer_link.hpp"

#include <list>
#include <map>

namespace ctdb::ctdbd {

struct peer_address {
    ctdb::pnn pnn;
    protocol::sock_addr address; // with port
};

// What the node hears from its links; all calls come from the loop.
class link_events {
public:
    link_events() = default;
    link_events(const link_events&) = delete;
    link_events& operator=(const link_events&) = delete;
    virtual ~link_events() = default;
    virtual void link_up(pnn peer) = 0;
    virtual void link_down(pnn peer, const link_loss& loss) = 0;
    virtual void link_packet(pnn peer, byte_view packet) = 0;
};

class tcp_links final : public peer_links {
public:
    tcp_links(async::event_loop& loop, listening_socket own, const link_settings& settings);
    ~tcp_links() override;

    void set_events(link_events& events) { events_ = &events; } // before set_peers()
    // The peers of the nodes list, without this node and without deleted ones. Unchanged ones keep
    // their connections; new ones start connecting; those that are gone are closed (link_down is
    // reported for them first).
    void set_peers(const std::vector<peer_address>& peers);

    void send(pnn to, bytes packet) override;
    void fail(pnn peer, std::string why) override;
    [[nodiscard]] std::size_t queued_bytes(pnn to) const override;
    [[nodiscard]] bool connected(pnn peer) const;

private:
    void accepted(unique_fd connection, const protocol::sock_addr& from);
    std::unique_ptr<peer_link> make_link(const peer_address& peer);

    struct stranger {
        unique_fd fd;
        std::unique_ptr<async::timer> until;
    };
    async::event_loop& loop_;
    link_settings settings_;
    link_events* events_ = nullptr;
    std::map<pnn, std::unique_ptr<peer_link>> links_;
    std::list<stranger> strangers_;
    listener listener_;
};

} // namespace ctdb::ctdbd
