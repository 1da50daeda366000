// arrivals: connections that local clients have told of and that cannot be judged yet, because the
// public addresses are being asked for. What ends meanwhile must not be taken up afterwards. Pure.
#pragma once

#include "common/base/ids.hpp"
#include "common/protocol/types_address.hpp"

#include <cstdint>
#include <map>
#include <utility>

namespace ctdb::contrackd {

class arrivals {
public:
    using ticket = std::uint64_t;

    [[nodiscard]] ticket begin(client_id client, const protocol::connection& c) {
        waiting_.emplace(++last_, std::pair(client, c));
        return last_;
    }
    // True: nothing has ended it.
    [[nodiscard]] bool finish(ticket which) { return waiting_.erase(which) != 0; }

    void ended(client_id client, const protocol::connection& c) {
        std::erase_if(waiting_, [what = std::pair(client, c)](const auto& w) {
            return w.second == what;
        });
    }
    void client_gone(client_id client) {
        std::erase_if(waiting_, [client](const auto& w) { return w.second.first == client; });
    }
    void clear() { waiting_.clear(); }

private:
    std::map<ticket, std::pair<client_id, protocol::connection>> waiting_;
    ticket last_ = 0;
};

} // namespace ctdb::contrackd
