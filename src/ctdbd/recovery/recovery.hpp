// recovery: the leader's database recovery, databases.md 6.4-6.7, as one coroutine that asks
// through cluster_port.
//
// Destroying the task at any wait aborts: nothing stays behind in the leader but records merged so
// far, which the object gives back bit by bit; what was done to the
// nodes (frozen databases, recovery mode ACTIVE) is the next recovery's to take over. Every control
// has a deadline of RecoverTimeout. Each database goes its own way (6.5), up to three attempts; all
// are asked to freeze before any waits for one of the `slots`; a database is thawed only after all
// nodes have committed it. A failure names node, database and step, and credits the node - unless a
// client of it keeps a lock that the freeze has to wait for (12.1 #28): then the node is to blame
// only in the third recovery in a row, since one hanging client must not stop the cluster for ever.
// Once nodes were told to commit a database there is no other attempt at it: the recovery fails,
// and the next one has another generation (I2).
//
// The frame around it (who may recover, bans by credit over several recoveries, cluster lock,
// takeover run, RECONFIGURE) is the leader's (6.3).
#pragma once

#include "common/async/task.hpp"
#include "common/client/cluster_port.hpp"
#include "common/protocol/types_membership.hpp"
#include "ctdbd/recovery/record_disposal.hpp"

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <vector>

namespace ctdb::ctdbd {

struct recovery_request {
    std::set<generation> generations_seen; // the new one differs from all (and from INVALID)
    // The leader's clock: later recoveries get higher epochs even where nobody knows both.
    std::uint64_t wall_clock_us = 0;
    bool under_lock = false; // a cluster lock lets only one side of a split cluster lead
    // Bytes waiting to be sent to a node; pushes pause while it is much. May be empty.
    std::function<std::size_t(pnn to)> queued_bytes;
};

struct recovery_report {
    result<> outcome;
    ctdb::generation generation;
    std::uint64_t epoch = 0; // 0: not all nodes are ours
    std::vector<pnn> active; // nodes taken in
    protocol::vnn_map vnn_map;
    std::size_t databases = 0;             // recovered
    std::vector<db_id> of_differing_kinds; // got an empty transaction only
    std::map<pnn, std::uint32_t> credits;  // failures per node in this run
    std::set<pnn> held_up;                 // a client there kept a database from freezing
    std::vector<pnn> banned;               // told to ban itself: none or one
    // Where databases failed and was not banned for it: who may be if it goes on (12.1 #19).
    // Nobody, where all nodes failed: nobody would be left, and the cause is not likely to be
    // theirs.
    std::vector<pnn> to_blame;
    async::duration took{};
};

class recovery {
public:
    static constexpr int attempts_max = 3;
    static constexpr std::size_t slots = 8; // databases pulled and pushed at the same time
    static constexpr int held_up_max = 3;   // recoveries in a row

    // `port` outlives the object, the object outlives its tasks.
    explicit recovery(client::cluster_port& port) : port_(port), disposal_(port.runtime()) {}

    // One at a time (Requires).
    [[nodiscard]] async::task<recovery_report> run(recovery_request request);

    // Of what ended recoveries of databases have merged not all is given back yet.
    [[nodiscard]] bool holds_records() const noexcept { return !disposal_.idle(); }

private:
    void note_held_up(const std::set<pnn>& nodes);

    client::cluster_port& port_;
    record_disposal disposal_;
    std::uint64_t next_address_ = 1; // RECOVERY srvids are never used twice
    std::map<pnn, int> held_up_;     // so many recoveries in a row
};

} // namespace ctdb::ctdbd
