#include "contrackd/connections.hpp"

#include <algorithm>
#include <iterator>

namespace ctdb::contrackd {

protocol::connection connections::canonical(const protocol::connection& c) {
    return {protocol::without_v4_mapping(c.src), protocol::without_v4_mapping(c.dst)};
}

bool connections::add(const protocol::connection& c) {
    if (count_ >= connections_max) {
        return false;
    }
    const bool added = all_[protocol::with_port(c.dst, 0)].insert(c).second; // never left empty
    count_ += added ? 1 : 0;
    return true;
}

void connections::remove(const protocol::connection& c) {
    const auto found = all_.find(protocol::with_port(c.dst, 0));
    if (found != all_.end()) {
        count_ -= found->second.erase(c);
        forget_if_empty(found);
    }
}

void connections::forget_if_empty(lists::iterator list) {
    if (list->second.empty()) {
        all_.erase(list);
    }
}

void connections::replace(
    const protocol::sock_addr& address, std::vector<protocol::connection> all
) {
    const auto bare = protocol::with_port(address, 0);
    if (const auto old = all_.extract(bare)) {
        count_ -= old.mapped().size();
    }
    for (const protocol::connection& given : all) {
        const protocol::connection c = canonical(given);
        if (protocol::with_port(c.dst, 0) == bare) { // the list speaks of no other address
            add(c);
        }
    }
}

std::vector<protocol::connection> connections::of(const protocol::sock_addr& address) const {
    std::vector<protocol::connection> some;
    const auto found = all_.find(protocol::with_port(address, 0));
    if (found != all_.end()) {
        for (const protocol::connection& c : found->second) {
            if (address.port == 0 || c.dst.port == address.port) {
                some.push_back(c);
            }
        }
    }
    return some;
}

bool connections::client_has(client_id client, const protocol::connection& c) {
    if (!add(c)) {
        return false;
    }
    clients_[client].insert(c);
    return true;
}

bool connections::client_lost(client_id client, const protocol::connection& c) {
    const auto found = clients_.find(client);
    return found != clients_.end() && found->second.erase(c) != 0;
}

std::vector<protocol::connection> connections::client_gone(client_id client) {
    const auto found = clients_.find(client);
    if (found == clients_.end()) {
        return {};
    }
    std::vector<protocol::connection> had(found->second.begin(), found->second.end());
    clients_.erase(found);
    return had;
}

std::vector<protocol::connection> connections::of_clients(const protocol::sock_addr& address
) const {
    std::vector<protocol::connection> some;
    for (const auto& [client, had] : clients_) {
        std::copy_if(
            had.begin(),
            had.end(),
            std::back_inserter(some),
            [&address](const protocol::connection& c) { return protocol::same_ip(c.dst, address); }
        );
    }
    return some;
}

void connections::clients_lost(const protocol::sock_addr& address) {
    for (auto& [client, had] : clients_) {
        std::erase_if(had, [&address](const protocol::connection& c) {
            return protocol::same_ip(c.dst, address);
        });
    }
}

std::vector<protocol::sock_addr> connections::addresses() const {
    std::vector<protocol::sock_addr> some;
    for (const auto& [address, list] : all_) {
        some.push_back(address);
    }
    return some;
}

} // namespace ctdb::contrackd
