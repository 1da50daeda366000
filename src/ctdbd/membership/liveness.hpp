// liveness: when to send a keepalive to whom, and when a silent peer is dead. A pure core: the
// transport tells it what happened and carries out what it answers.
//
// Towards peers that are not known to be ours: upstream's rule (cluster.md 2.5) - each
// KeepaliveInterval a keepalive, dead after KeepaliveLimit intervals without a packet. Between our
// own nodes: a heartbeat every 250 to 500 ms where nothing else was sent, and a limit that follows
// the gaps seen on that link, between 1.5 and 6 s.
//
//   L1  time in which this process did not run counts for nobody: after an own stall every peer
//       gets it added.                    L2  any packet of a peer is a sign of life.
//   L3  a peer is told dead once; it is watched again after connected().
//   L4  a peer's packet in the third quarter of the interval brings the own tick forward, so that
//       rhythms apart by any part of the interval come together; never below three quarters.
#pragma once

#include "common/async/runtime.hpp"
#include "common/base/ids.hpp"

#include <map>
#include <string>
#include <vector>

namespace ctdb::ctdbd {

struct keepalive_settings {
    std::chrono::seconds interval{5}; // KeepaliveInterval; 0 counts as 1 (W66)
    std::uint32_t limit = 5;          // KeepaliveLimit
};

struct liveness_verdict {
    std::vector<pnn> keepalives; // send one to each
    struct dead_peer {
        pnn node;
        std::string reason; // "silent for 1.6 s, limit 1.5 s"
    };
    std::vector<dead_peer> dead;
};

class liveness {
public:
    using milliseconds = std::chrono::milliseconds;
    static constexpr milliseconds heartbeat_min{250};
    static constexpr milliseconds heartbeat_max{500}; // from 32 peers: 64 wake-ups a second
    static constexpr milliseconds suspicion_min{1500};
    static constexpr milliseconds suspicion_max{6000};

    void set(keepalive_settings settings); // tunables may change at any time
    void connected(pnn node, async::time_point now);
    void lost(pnn node);
    void set_ours(pnn node, bool ours);             // at any time; only a change counts
    void received(pnn node, async::time_point now); // any packet
    void sent(pnn node, async::time_point now);     // any packet

    // Call at or after next_tick(), which connected(), set_ours() and received() may bring forward;
    // how late it comes tells the own stall.
    [[nodiscard]] liveness_verdict tick(async::time_point now);
    [[nodiscard]] async::time_point next_tick() const noexcept { return next_tick_; }
    // From then on a tick does the next one's work: who is awake for the packet of a peer sends
    // his own heartbeats along. So those of all nodes fall together after a while (L4).
    [[nodiscard]] async::time_point early_tick() const;
    [[nodiscard]] milliseconds limit_of(pnn node) const; // after which silence means death

private:
    struct peer {
        bool ours = false;
        async::time_point heard;
        async::time_point sent;
        std::uint32_t silent_ticks = 0;
        bool heard_since_tick = true;
        async::time_point upstream_tick; // next one
        double gap_ms = 0;               // smoothed, as TCP smooths round trips (RFC 6298)
        double deviation_ms = 0;
    };
    [[nodiscard]] milliseconds heartbeat() const;
    void draw_near(async::time_point now);
    [[nodiscard]] milliseconds limit_of(const peer& p) const;
    void absorb_stall(async::time_point now);
    void plan_next_tick(async::time_point now);
    void judge_ours(pnn node, peer& p, async::time_point now, liveness_verdict& out) const;
    void judge_upstream(pnn node, peer& p, async::time_point now, liveness_verdict& out) const;

    keepalive_settings settings_;
    std::map<pnn, peer> peers_;
    async::time_point next_tick_{};
    async::time_point last_tick_{};
    async::time_point latest_{}; // time of the last call
};

} // namespace ctdb::ctdbd
