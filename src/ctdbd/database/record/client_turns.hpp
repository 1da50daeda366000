// client_turns: how long a record stays when several clients of this node were told together that
// it is here (databases.md 12.3 S8).
//
// Each of them is woken, takes the chain's lock and does its work; other nodes' calls are waiting
// already. Handed over at once, the record leaves before most have had their turn: all ask again,
// and nodes are busy with telling clients what is no longer true. So each client beyond the first
// is given a time, up to ten milliseconds for all. A client alone is `residency`'s business: a ring
// never comes here.
//
// The stay is looked at in parts and ends with the first in which nobody had the record, so that
// clients who wanted it just once keep nobody waiting.
#pragma once

#include "common/async/runtime.hpp"
#include "common/base/bytes.hpp"

#include <chrono>
#include <cstddef>
#include <optional>

namespace ctdb::ctdbd {

class client_turns {
public:
    // Several times what a client needs that is awake: 100 clients on each of 3 nodes had the most
    // turns with 100 us of 0 to 200, whether ctdbd has real-time priority or not.
    static constexpr std::chrono::microseconds for_each{100};
    static constexpr std::chrono::microseconds for_all_max{10'000};
    static constexpr int parts_max = 8;
    // Shorter ones say little: a client that was told is not awake yet.
    static constexpr std::chrono::microseconds part_min{250};

    // `others` clients beside the first were told at `now` that the record is here with this value.
    client_turns(std::size_t others, byte_view data, async::time_point now);

    // Until when the record stays before somebody looks at it again; nullopt: its time is up.
    [[nodiscard]] std::optional<async::time_point> next_look(async::time_point now) const;
    // Has it another value than at the last look?
    [[nodiscard]] bool changed(byte_view data);

private:
    async::time_point end_;
    async::duration part_;
    std::size_t content_;
};

} // namespace ctdb::ctdbd
