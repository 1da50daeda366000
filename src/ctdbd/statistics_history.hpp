// statistics_history: the last hundred slots of the node's counters (cluster.md 10.4). Gauges are
// not kept, only what moved.
#pragma once

#include "common/protocol/types_statistics.hpp"

#include <deque>

namespace ctdb::ctdbd {

class statistics_history {
public:
    static constexpr std::size_t slots = 100;

    // Ends the running slot: `now` are the counters since start or reset.
    void end_slot(const protocol::statistics& now);
    // The counters go from `before` to `now`: what the running slot has counted stays in it.
    void reset(const protocol::statistics& before, const protocol::statistics& now);
    // Newest first, always `slots` entries, unused ones zero.
    [[nodiscard]] protocol::statistics_list list() const;

private:
    protocol::statistics at_slot_start_;
    std::deque<protocol::statistics> slots_; // newest first
};

} // namespace ctdb::ctdbd
