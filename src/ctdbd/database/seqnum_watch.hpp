// seqnum_watch: tells the other nodes when the tdb sequence number of a database has moved
// (databases.md 1.6).
//
// Looks every SeqnumInterval; a change is announced by UPDATE_SEQNUM to all active nodes. A raise
// that came from another node is counted as seen by itself, so that a local change in the same
// interval is still announced (12.1 #12).
#pragma once

#include "common/async/runtime.hpp"

#include <cstdint>

namespace ctdb::ctdbd {

class database;
class node_context;

class seqnum_watch {
public:
    seqnum_watch(node_context& node, database& db); // both outlive it

    void raised_elsewhere();

private:
    void look();
    void arm();
    node_context& node_;
    database& db_;
    std::uint32_t seen_;
    async::timer timer_;
};

} // namespace ctdb::ctdbd
