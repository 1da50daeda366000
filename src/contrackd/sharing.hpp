// sharing: every node knows the connections of every public address, so that whoever takes an
// address can tell its clients (failover.md 8). Pure.
//
// A local client's connection to a public address that is here is told to all nodes at once, its
// end too. Whoever has the address also gives the whole list when something changed (repair:
// messages get lost) and when a node joins. An address that is going away keeps its connections:
// their end, seen here, is the move and not the clients'. Invariants: S1 only the holder of an
// address speaks of its connections; S2 the holder believes no list of others.
#pragma once

#include "contrackd/connections.hpp"

#include <functional>
#include <set>
#include <vector>

namespace ctdb::contrackd {

class sharing {
public:
    struct doors {
        // Is this address on an interface of ours?
        std::function<bool(const protocol::sock_addr&)> on_interface;
        std::function<void(const protocol::connection&)> tell_added; // all connected nodes
        std::function<void(const protocol::connection&)> tell_removed;
        std::function<void(const protocol::tickle_list&)> tell_list;
    };
    explicit sharing(doors out) : out_(std::move(out)) {}

    // ---- which addresses are public ----
    [[nodiscard]] bool knows_public(const protocol::sock_addr& address) const;
    void set_public(const std::vector<protocol::sock_addr>& addresses); // adds to those known

    // ---- local clients: connections in canonical form ----
    enum class verdict : std::uint8_t { kept, not_public, not_here, full };
    verdict client_has(client_id client, const protocol::connection& c);
    void client_lost(client_id client, const protocol::connection& c);
    void client_passed(client_id client, const protocol::connection& c);
    void client_gone(client_id client);
    void all_clients_gone(); // with ctdbd: its next clients have the same numbers

    // ---- what nodes and tools say ---- of addresses that are not public: nothing is kept
    verdict add(const protocol::connection& c); // kept, not_public or full
    void remove(const protocol::connection& c);
    void replace(const protocol::tickle_list& list);
    void changed(const protocol::sock_addr& address); // its list is to be told

    // ---- moves ----
    // The connections that no client here has were to another node: they are the caller's, to be
    // told of the move.
    std::vector<protocol::connection> taken(const protocol::sock_addr& address);
    void released(const protocol::sock_addr& address);

    void tell_changed_lists();
    void tell_all_lists(); // a node has joined

    [[nodiscard]] const connections& known() const noexcept { return connections_; }

private:
    [[nodiscard]] bool here(const protocol::sock_addr& address) const;
    void ended(const protocol::connection& c);
    void tell(const protocol::sock_addr& address);

    doors out_;
    connections connections_;
    // All with port 0.
    std::set<protocol::sock_addr> public_;
    std::set<protocol::sock_addr> leaving_; // released, whether or not it is still on the interface
    std::set<protocol::sock_addr> changed_;
};

} // namespace ctdb::contrackd
