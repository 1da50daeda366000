// contrack_node: contrackd at work: announces what failoverd has taken and tells the clients of the
// node that had it before, shares the connection lists with all nodes.
//
// Uses ctdbd twice, as failoverd does: the provider socket for what comes in, the client socket for
// what goes to other nodes. While the latter is away nothing is told; the lists, told every 20 s
// when they have changed and to a node that joins, repair that.
#pragma once

#include "common/client/client.hpp"
#include "common/netlink/addresses.hpp"
#include "common/path/paths.hpp"
#include "common/provider/provider_client.hpp"
#include "contrackd/announcements.hpp"
#include "contrackd/arrivals.hpp"
#include "contrackd/sharing.hpp"

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

namespace ctdb::contrackd {

class contrack_node {
public:
    // `lost`: ctdbd is gone.
    contrack_node(async::event_loop& loop, const path::paths& where, std::function<void()> lost);

private:
    void on_message(const provider::deliver& what);
    [[nodiscard]] async::task<provider::acknowledge> on_event(provider::message event);
    void see_nodes(const protocol::node_map& map);

    // ---- announcements and tickles ----
    void begin(announcements::subject what);
    void taken(const std::string& address);
    void announce_due();
    void send(const announcements::subject& what);
    void tickle(const std::string& address);

    // ---- connections ----
    [[nodiscard]] async::task<provider::answer> serve(provider::request what);
    [[nodiscard]] async::task<provider::answer>
    client_has(client_id client, protocol::connection c);
    [[nodiscard]] provider::answer
    change(const provider::request& what, const protocol::connection& c);
    [[nodiscard]] async::task<provider::answer> tickles_of(bytes data);
    [[nodiscard]] async::task<provider::answer> set_tickles(bytes data);
    [[nodiscard]] sharing::doors doors();

    // ---- ctdbd ----
    [[nodiscard]] async::task<void> keep_client();
    [[nodiscard]] async::task<void> repeat_lists();
    [[nodiscard]] async::task<void> learn_public();
    [[nodiscard]] async::task<bool> is_public(protocol::sock_addr address);
    template <class Control>
    void tell(const typename Control::request& what);

    async::event_loop& loop_;
    path::paths where_;
    std::function<void()> lost_;
    announcements running_;
    std::map<std::string, std::vector<protocol::connection>> to_tickle_; // by address just taken
    sharing sharing_;
    arrivals arrivals_;
    std::set<pnn> connected_; // nodes
    async::timer due_;
    async::notice changed_;
    async::notice learned_;
    bool learning_ = false; // failoverd is being asked for the public addresses
    std::unique_ptr<client::client> client_;
    async::task_set tasks_;
    provider::provider_client ctdbd_; // last: calls into the rest
};

} // namespace ctdb::contrackd
