// srvid_registry: who on this node listens to which message address (wire-protocol.md 2.5,
// cluster.md 9.3).
//
// A message goes to every listener of its address, newest first, and then to those of "all". A
// client that registers an address several times gets one copy (samba-client.md 7.1: its own
// dispatcher calls every handler for it; upstream sends as many copies) until it has deregistered
// as often. Listeners may register and deregister from inside a delivery.
#pragma once

#include "common/base/bytes.hpp"
#include "common/base/ids.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

namespace ctdb::ctdbd {

// What a local client or module gets: the address and the data as they were sent.
using message_handler = std::function<void(srvid address, byte_view data)>;
using registration_id = std::uint64_t;

class srvid_registry {
public:
    registration_id add(srvid address, client_id owner, message_handler handler);
    void remove(registration_id id);
    // One registration of this client; false: it has none.
    bool remove_one(srvid address, client_id owner);
    void remove_all(client_id owner);
    [[nodiscard]] bool has(srvid address, client_id owner) const;

    [[nodiscard]] std::vector<client_id> listeners_to(srvid address) const;

    void deliver(srvid address, byte_view data) const;
    // Without copies to those who listen to all (records of a traverse).
    void deliver_exactly(srvid address, byte_view data) const {
        deliver_to(address, address, data);
    }
    [[nodiscard]] std::size_t size() const noexcept { return count_; } // listeners

private:
    struct registration {
        registration_id id;
        client_id owner;
        std::shared_ptr<const message_handler>
            handler;             // shared: a delivery holds it while the list changes
        std::uint32_t times = 1; // registered, of a client
    };
    void deliver_to(srvid listening, srvid address, byte_view data) const;
    template <class Matches>
    std::size_t erase_where(std::vector<registration>& list, Matches matches);

    std::unordered_map<srvid, std::vector<registration>> listeners_; // oldest first
    registration_id next_ = 1;
    std::size_t count_ = 0;
};

} // namespace ctdb::ctdbd
