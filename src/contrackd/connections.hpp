// connections: the TCP connections of public addresses that this node knows, and which local client
// has told of which (failover.md 8). Pure.
//
// A connection is {remote client, our address with port}. Lists are bounded: a list that is full
// refuses.
#pragma once

#include "common/base/ids.hpp"
#include "common/protocol/types_address.hpp"

#include <map>
#include <set>
#include <vector>

namespace ctdb::contrackd {

class connections {
public:
    static constexpr std::size_t connections_max = 1U << 20U;

    // Both sides without the IPv4-in-IPv6 form.
    [[nodiscard]] static protocol::connection canonical(const protocol::connection& c);

    bool add(const protocol::connection& c); // false: full
    void remove(const protocol::connection& c);
    void replace(const protocol::sock_addr& address, std::vector<protocol::connection> all);
    // Of one of our addresses; port 0: all its ports.
    [[nodiscard]] std::vector<protocol::connection> of(const protocol::sock_addr& address) const;

    // ---- local clients ----
    bool client_has(client_id client, const protocol::connection& c);
    // Forgotten for this client only. False: it had not told of it.
    bool client_lost(client_id client, const protocol::connection& c);
    // Forgets the client; what becomes of the connections it had is the caller's to say.
    std::vector<protocol::connection> client_gone(client_id client);
    // What clients have at this address.
    [[nodiscard]] std::vector<protocol::connection> of_clients(const protocol::sock_addr& address
    ) const;
    // Forgotten for every client: at this address; at all.
    void clients_lost(const protocol::sock_addr& address);
    void clients_lost() { clients_.clear(); }

    [[nodiscard]] std::vector<protocol::sock_addr> addresses() const; // that have connections

private:
    using by_peer = std::set<protocol::connection>;
    using lists = std::map<protocol::sock_addr, by_peer>;
    void forget_if_empty(lists::iterator list);
    lists all_; // by our address, port 0; none is empty
    std::map<client_id, by_peer> clients_;
    std::size_t count_ = 0;
};

} // namespace ctdb::contrackd
