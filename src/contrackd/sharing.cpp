#include "contrackd/sharing.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace ctdb::contrackd {

namespace {

protocol::sock_addr bare(const protocol::sock_addr& address) {
    return protocol::with_port(address, 0);
}

} // namespace

bool sharing::knows_public(const protocol::sock_addr& address) const {
    return public_.contains(bare(address));
}

void sharing::set_public(const std::vector<protocol::sock_addr>& addresses) {
    for (const protocol::sock_addr& address : addresses) {
        public_.insert(bare(address));
    }
}

bool sharing::here(const protocol::sock_addr& address) const {
    return !leaving_.contains(bare(address)) && out_.on_interface(bare(address));
}

// ---- local clients ----

sharing::verdict sharing::client_has(client_id client, const protocol::connection& c) {
    if (!knows_public(c.dst)) {
        return verdict::not_public;
    }
    if (!here(c.dst)) {
        return verdict::not_here; // S1
    }
    if (!connections_.client_has(client, c)) {
        return verdict::full;
    }
    changed(c.dst);
    out_.tell_added(c);
    return verdict::kept;
}

void sharing::client_lost(client_id client, const protocol::connection& c) {
    if (connections_.client_lost(client, c)) {
        ended(c);
    }
}

void sharing::client_passed(client_id client, const protocol::connection& c) {
    connections_.client_lost(client, c);
}

void sharing::client_gone(client_id client) {
    for (const protocol::connection& c : connections_.client_gone(client)) {
        ended(c);
    }
}

void sharing::all_clients_gone() {
    connections_.clients_lost();
}

void sharing::ended(const protocol::connection& c) {
    if (here(c.dst)) {
        remove(c);
        out_.tell_removed(c);
    }
}

// ---- what nodes and tools say ----

sharing::verdict sharing::add(const protocol::connection& c) {
    if (!knows_public(c.dst)) {
        return verdict::not_public;
    }
    return connections_.add(c) ? verdict::kept : verdict::full;
}

void sharing::remove(const protocol::connection& c) {
    connections_.remove(c);
    changed(c.dst);
}

void sharing::replace(const protocol::tickle_list& list) {
    if (knows_public(list.address) && !here(list.address)) { // S2
        connections_.replace(bare(list.address), list.connections);
    }
}

void sharing::changed(const protocol::sock_addr& address) {
    if (knows_public(address)) {
        changed_.insert(bare(address));
    }
}

// ---- moves ----

std::vector<protocol::connection> sharing::taken(const protocol::sock_addr& address) {
    leaving_.erase(bare(address));
    public_.insert(bare(address));
    // Clients of ours have connections to it: it was here all the time, and they stay.
    auto own = connections_.of_clients(bare(address));
    std::sort(own.begin(), own.end());
    const auto all = connections_.of(bare(address));
    std::vector<protocol::connection> before;
    std::set_difference(all.begin(), all.end(), own.begin(), own.end(), std::back_inserter(before));
    connections_.replace(bare(address), std::move(own));
    changed(address);
    return before;
}

void sharing::released(const protocol::sock_addr& address) {
    public_.insert(bare(address));
    leaving_.insert(bare(address));
    connections_.clients_lost(bare(address)); // what comes back is not what they had
}

void sharing::tell(const protocol::sock_addr& address) {
    if (here(address)) {
        protocol::tickle_list list;
        list.address = address;
        list.connections = connections_.of(address);
        out_.tell_list(list);
    }
}

void sharing::tell_changed_lists() {
    for (const protocol::sock_addr& address : std::exchange(changed_, {})) {
        tell(address);
    }
}

void sharing::tell_all_lists() {
    changed_.clear();
    for (const protocol::sock_addr& address : connections_.addresses()) {
        tell(address);
    }
}

} // namespace ctdb::contrackd
