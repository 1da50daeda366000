#include "ctdbd/routing/srvid_registry.hpp"

#include "common/protocol/srvids.hpp"

#include <algorithm>

namespace ctdb::ctdbd {

registration_id srvid_registry::add(srvid address, client_id owner, message_handler handler) {
    std::vector<registration>& list = listeners_[address];
    const auto known = std::find_if(list.begin(), list.end(), [owner](const registration& r) {
        return owner.value != 0 && r.owner == owner;
    });
    if (known != list.end()) {
        ++known->times;
        return known->id;
    }
    const registration_id id = next_++;
    list.push_back({id, owner, std::make_shared<const message_handler>(std::move(handler))});
    ++count_;
    return id;
}

template <class Matches>
std::size_t srvid_registry::erase_where(std::vector<registration>& list, Matches matches) {
    const std::size_t erased = std::erase_if(list, matches);
    count_ -= erased;
    return erased;
}

void srvid_registry::remove(registration_id id) {
    for (auto it = listeners_.begin(); it != listeners_.end(); ++it) {
        if (erase_where(it->second, [id](const registration& r) { return r.id == id; }) != 0) {
            if (it->second.empty()) {
                listeners_.erase(it);
            }
            return;
        }
    }
}

bool srvid_registry::remove_one(srvid address, client_id owner) {
    const auto found = listeners_.find(address);
    if (found == listeners_.end()) {
        return false;
    }
    std::vector<registration>& list = found->second;
    const auto own = std::find_if(list.begin(), list.end(), [owner](const registration& r) {
        return r.owner == owner;
    });
    if (own == list.end()) {
        return false;
    }
    if (--own->times > 0) {
        return true;
    }
    list.erase(own);
    --count_;
    if (list.empty()) {
        listeners_.erase(found);
    }
    return true;
}

void srvid_registry::remove_all(client_id owner) {
    for (auto it = listeners_.begin(); it != listeners_.end();) {
        erase_where(it->second, [owner](const registration& r) { return r.owner == owner; });
        it = it->second.empty() ? listeners_.erase(it) : std::next(it);
    }
}

bool srvid_registry::has(srvid address, client_id owner) const {
    const auto found = listeners_.find(address);
    return found != listeners_.end() &&
           std::any_of(found->second.begin(), found->second.end(), [owner](const auto& r) {
               return r.owner == owner;
           });
}

std::vector<client_id> srvid_registry::listeners_to(srvid address) const {
    std::vector<client_id> owners;
    if (const auto found = listeners_.find(address); found != listeners_.end()) {
        for (const registration& r : found->second) {
            owners.push_back(r.owner);
        }
    }
    return owners;
}

void srvid_registry::deliver(srvid address, byte_view data) const {
    deliver_to(address, address, data);
    if (address != protocol::srvids::all) {
        deliver_to(protocol::srvids::all, address, data);
    }
}

void srvid_registry::deliver_to(srvid listening, srvid address, byte_view data) const {
    const auto found = listeners_.find(listening);
    if (found == listeners_.end()) {
        return;
    }
    if (found->second.size() == 1) { // the usual case: no copy of the list
        const std::shared_ptr<const message_handler> only = found->second.front().handler;
        (*only)(address, data);
        return;
    }
    const std::vector<registration> snapshot = found->second;
    for (auto it = snapshot.rbegin(); it != snapshot.rend(); ++it) {
        (*it->handler)(address, data);
    }
}

} // namespace ctdb::ctdbd
