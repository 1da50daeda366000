// contrack_node: contrackd at work: announces what failoverd has taken, keeps the connection lists
// that clients and tools give.
#pragma once

#include "common/netlink/addresses.hpp"
#include "common/path/paths.hpp"
#include "common/provider/provider_client.hpp"
#include "contrackd/announcements.hpp"
#include "contrackd/connections.hpp"

#include <functional>

namespace ctdb::contrackd {

class contrack_node {
public:
    // `lost`: ctdbd is gone.
    contrack_node(async::event_loop& loop, const path::paths& where, std::function<void()> lost);

private:
    void on_message(const provider::deliver& what);
    [[nodiscard]] async::task<provider::answer> serve(provider::request what);
    [[nodiscard]] provider::answer change(const provider::request& what);
    [[nodiscard]] provider::answer tickles_of(byte_view data);
    [[nodiscard]] provider::answer set_tickles(byte_view data);
    void announce_due();
    void send(const announcements::subject& what);
    void begin(announcements::subject what);

    async::event_loop& loop_;
    std::function<void()> lost_;
    announcements running_;
    connections connections_;
    async::timer due_;
    provider::provider_client ctdbd_; // last: calls into the rest
};

} // namespace ctdb::contrackd
