// What to do with a REQ_CALL once the record is locked and read (databases.md 2.4 and 2.5). Pure.
//
// Read-only delegations are decided here too, when they come: until then a record that shows a
// delegation nobody of us has given is answered with a recovery, which ends all delegations.
#pragma once

#include "common/base/ids.hpp"
#include "common/protocol/types_record.hpp"

#include <cstdint>

namespace ctdb::ctdbd {

enum class call_origin : std::uint8_t {
    client,   // of this node
    own_node, // a client's call that was sent again after a recovery
    peer,
};

enum class call_action : std::uint8_t {
    serve,           // we are dmaster: run it, answer
    send_out,        // to the dmaster that our copy names, pending here
    redirect,        // to the lmaster, or from it to its dmaster
    hand_over,       // the peer becomes dmaster
    wait_for_commit, // hand over when TRANS3_COMMIT is through
    recover,         // delegations or revokes that cannot be
};

struct call_situation {
    pnn me;
    call_origin origin = call_origin::client;
    protocol::record_header header; // read, or made up for a missing record
    bool commit_running = false;
};

// Requires: RO_REVOKE_COMPLETE already cleaned up.
[[nodiscard]] call_action decide_call(const call_situation& s);

// {rsn 0, dmaster = lmaster, AUTOMATIC}: what a missing record is taken for (databases.md 2.1).
[[nodiscard]] protocol::record_header header_of_missing(pnn lmaster);

} // namespace ctdb::ctdbd
