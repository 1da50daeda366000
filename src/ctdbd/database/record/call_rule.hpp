// What to do with a REQ_CALL once the record is locked and read (databases.md 2.4, 2.5, 3). Pure.
//
//   first row that fits                                       client       own node   peer
//   revoking, dmaster                                         wait_for_revoke
//   revoking or delegations, not dmaster                      recover
//   not dmaster, readable copy here, wants to read            serve        redirect   redirect
//   not dmaster                                               send_out     redirect   redirect
//   dmaster, delegations or a readable mark, wants to write   revoke
//   dmaster, wants to read                                    serve        serve      delegate
//   dmaster                                                   serve        serve      hand_over
//
// A peer reads by WANT_READONLY with FETCH_WITH_HEADER on a database that is READONLY here;
// everything else wants to write. While TRANS3_COMMIT runs, hand_over is wait_for_commit.
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
    serve,           // we may answer: run it
    send_out,        // to the dmaster that our copy names, pending here
    redirect,        // to the lmaster, or from it to its dmaster
    hand_over,       // the peer becomes dmaster
    delegate,        // the peer gets a copy that it may read
    revoke,          // no copy may be read elsewhere any more; then again
    wait_for_revoke, // it runs, or its end got lost: start it again (databases.md 12.1 #6)
    wait_for_commit, // hand over when TRANS3_COMMIT is through
    recover,         // delegations that cannot be
};

struct call_situation {
    pnn me;
    call_origin origin = call_origin::client;
    protocol::record_header header; // read, or made up for a missing record
    bool wants_to_read = false;     // and the database is READONLY here
    bool commit_running = false;
};

// Requires: RO_REVOKE_COMPLETE already cleaned up.
[[nodiscard]] call_action decide_call(const call_situation& s);

// {rsn 0, dmaster = lmaster, AUTOMATIC}: what a missing record is taken for (databases.md 2.1).
[[nodiscard]] protocol::record_header header_of_missing(pnn lmaster);

// ---- the arithmetic of delegations (databases.md 3.1): delegated < revoked < dmaster ----

// The dmaster's own header once a copy is delegated; the same if it already was.
[[nodiscard]] protocol::record_header delegating(const protocol::record_header& mine);
// What the reader gets, what it is told when its copy ends. Both from the dmaster's header.
[[nodiscard]] protocol::record_header delegated_copy(const protocol::record_header& delegating);
[[nodiscard]] protocol::record_header revoked_copy(const protocol::record_header& delegating);
// The dmaster's header after all copies have ended, before the store rule's step.
[[nodiscard]] protocol::record_header after_revoke(const protocol::record_header& delegating);

} // namespace ctdb::ctdbd
