// record_engine: who owns which record of ONE database, and how a record gets here and away
// (databases.md 2). A core: packets, client calls and time in; packets, answers and writes to the
// local store out.
//
//   state of a key here          REQ_CALL of a client        REQ_CALL of a node     DMASTER packet
//   dmaster                      answered                    handed over, or a copy  stored
//                                                            to read delegated
//   not dmaster                  sent to the header's        redirected (lmaster,   stored, waiting
//                                dmaster, pending            or its dmaster)        client answered
//   chain busy / database        parked, in arrival order    parked                 parked
//   frozen / map and generation
//   of different recoveries
//
// Invariants, numbers of databases.md 11: I3 a stored rsn never falls; I8 requests of a key are
// taken up in arrival order; I9 a client's call is answered or pending until it is; I10 never waits
// for a lock; I11 every lock is let go of when the handler returns; I12 a node's packet of another
// generation has no effect, parked or not.
//
// Owner's part: routes packets (REQ_CALL, REQ_DMASTER, REPLY_DMASTER by db_id; REPLY_CALL and
// REPLY_ERROR by reqid, see call_ids), filters them by the vnn map's generation (databases.md 0.5),
// answers for unknown databases, and tells of every change: map, generation, freeze, thaw, commits.
// All references given outlive the engine. Destroying it lets go of everything; nobody is answered
// (detached() comes before, but for the daemon's end).
#pragma once

#include "common/async/runtime.hpp"
#include "common/protocol/packet.hpp"
#include "common/protocol/types_membership.hpp"
#include "common/protocol/types_record.hpp"
#include "common/protocol/types_statistics.hpp"
#include "ctdbd/database/local_store.hpp"
#include "ctdbd/database/record/record_outputs.hpp"
#include "ctdbd/database/record/record_request.hpp"
#include "ctdbd/database/record/store_rule.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace ctdb::ctdbd {

struct record_tunables {
    bool fetch_collapse = true;                    // FetchCollapse
    std::uint32_t hopcount_make_sticky = 50;       // HopcountMakeSticky
    std::chrono::seconds sticky_duration{600};     // StickyDuration
    std::chrono::milliseconds sticky_pindown{200}; // StickyPindown
};

struct record_settings {
    pnn me;
    ctdb::db_id db;
    std::string name; // for the log
    database_kind kind = database_kind::volatile_db;
    record_tunables tunables;
    // A request redirected this often circles: no honest chase is that long (12.1 #1c).
    std::uint32_t hopcount_max = 1000;
    // A fetch whose answer does not come releases the calls collapsed behind it (databases.md 2.4).
    std::chrono::milliseconds collapse_limit{30'000};
    // A call this old is sent again with a new id: a lost packet is not a lost client (I9).
    std::chrono::milliseconds resend_after{60'000};
    // How long "unknown database" answers of others are taken as "not yet" (2.5 step 1).
    std::chrono::milliseconds unknown_db_patience{10'000};
    // Other nodes' readers wait after a revoke, so that writers get their turn: ten times what the
    // revoke took, within these bounds. A writer loses a tenth of its time to readers at most, and
    // readers see what it wrote within milliseconds (upstream, for all: 1 s, databases.md 3.4).
    std::chrono::milliseconds writers_turn_min{5};
    std::chrono::milliseconds writers_turn_max{1'000};
    // Everybody waits that long after a revoke that failed.
    std::chrono::milliseconds after_failed_revoke{1'000};
};

class record_engine {
public:
    record_engine(
        local_store& store,
        async::runtime& rt,
        record_outputs& out,
        record_events& events,
        call_ids& ids,
        record_settings settings
    );
    record_engine(const record_engine&) = delete;
    record_engine& operator=(const record_engine&) = delete;
    ~record_engine();

    // ---- clients of this node ----
    void client_call(client_id client, reqid id, const protocol::req_call& call);
    void client_gone(client_id client);

    // ---- packets of nodes, the own one included ----
    // `via`: whose link brought the packet; a redirected call still names its originator as
    // srcnode.
    void receive(pnn via, const protocol::packet_header& header, const protocol::req_call& body);
    void receive(const protocol::packet_header& header, const protocol::reply_call& body);
    void receive(const protocol::packet_header& header, const protocol::req_dmaster& body);
    void receive(const protocol::packet_header& header, const protocol::reply_dmaster& body);
    void receive(const protocol::packet_header& header, const protocol::reply_error& body);

    // UPDATE_RECORD on a volatile database: other nodes' copies end. `done` is called once, maybe
    // before this returns, at `deadline` at the latest, unless the engine is destroyed first; too
    // late nothing is changed any more. Requires: a well-formed record buffer.
    void update(
        byte_view record_buffer,
        ctdb::generation received_in,
        async::time_point deadline,
        std::function<void(update_end)> done
    );
    // PUSH_RECORD: a copy of another node's record, stored unless what is here is ours or newer.
    // The same rules.
    void push(
        const protocol::pushed_record& record,
        async::time_point deadline,
        std::function<void(update_end)> done
    );
    // How an UPDATE_RECORD of ours ended.
    void update_answered(std::uint64_t ticket, pnn from, bool ok);

    // ---- epochs ----
    // Requests are served while the map and the database are of the same, valid generation and the
    // database is not frozen; otherwise they wait.
    void set_vnn_map(const protocol::vnn_map& map);   // SETVNNMAP, or invalid: node inactive
    void set_generation(ctdb::generation generation); // attach, commit, or invalid
    void freeze_asked();  // counted as a lock call until one of the following
    void freeze_failed(); // nothing else changes
    void frozen();
    void thawed(); // also a freeze that was lost; calls under way are sent again with new ids
    // Another content has been committed, maybe in the same generation (wipedb, restoredb): copies
    // to read and records on their way here were of the old one.
    void content_replaced();
    // The database is going: whoever waits is told so, clients, nodes and updates.
    void detached();
    // TRANS3_COMMIT runs on this database: nothing is handed over until it is finished.
    void commit_started();
    void commit_finished();

    // ---- settings that may change, figures ----
    void set_tunables(const record_tunables& tunables) noexcept;
    void set_readonly(bool on) noexcept; // SET_DB_READONLY
    void set_sticky(bool on) noexcept;   // SET_DB_STICKY
    [[nodiscard]] ctdb::generation generation() const noexcept;
    [[nodiscard]] bool serving() const noexcept;
    [[nodiscard]] std::size_t pending_calls() const noexcept; // sent out for clients, unanswered
    [[nodiscard]] std::size_t parked() const noexcept; // requests waiting for a lock, a hold, thaw
    [[nodiscard]] std::size_t locks_held() const noexcept;    // 0 outside of its calls (I11)
    [[nodiscard]] protocol::db_statistics statistics() const; // vacuuming's part is 0
    void reset_statistics();

private:
    class impl;
    std::unique_ptr<impl> impl_;
};

} // namespace ctdb::ctdbd
