// What the record engine asks of the daemon around it: doors, not classes.
//
// None of these may call back into the engine before it returns; packets to the own node are
// delivered in a later turn of the loop, in order (databases.md 0.4). Views are valid only during
// the call.
#pragma once

#include "common/base/bytes.hpp"
#include "common/base/ids.hpp"
#include "common/protocol/packet.hpp"
#include "common/protocol/types_record.hpp"

#include <chrono>
#include <cstdint>
#include <string_view>

namespace ctdb::ctdbd {

class record_engine;

// Record packets out, answers to clients, the wish for a recovery.
class record_outputs {
public:
    record_outputs() = default;
    record_outputs(const record_outputs&) = delete;
    record_outputs& operator=(const record_outputs&) = delete;
    virtual ~record_outputs() = default;

    // generation, destnode, srcnode and reqid of the header are set, the rest is encode()'s. A
    // redirected call keeps its originator as srcnode. false: there is no link to that node, the
    // packet is lost.
    virtual bool send(const protocol::packet_header& header, const protocol::req_call& body) = 0;
    virtual bool send(const protocol::packet_header& header, const protocol::req_dmaster& body) = 0;
    virtual bool
    send(const protocol::packet_header& header, const protocol::reply_dmaster& body) = 0;
    virtual bool send(const protocol::packet_header& header, const protocol::reply_error& body) = 0;
    virtual bool send(const protocol::packet_header& header, const protocol::reply_call& body) = 0;
    // UPDATE_RECORD of one record to a node that has a copy; its end, of whatever kind, is told
    // with record_engine::update_answered(ticket, to, ok) within ControlTimeout. false: no link.
    virtual bool send_update(pnn to, ctdb::db_id db, std::uint64_t ticket, bytes record_buffer) = 0;

    // REPLY_CALL to a local client; `head` and `data` follow each other (head: nothing or a record
    // header).
    virtual void reply_to_client(
        client_id client, reqid id, std::int32_t status, byte_view head, byte_view data
    ) = 0;
    // REPLY_ERROR to a local client: the call cannot be served at all.
    virtual void
    refuse_client(client_id client, reqid id, std::int32_t status, std::string_view text) = 0;

    // Sets the own recovery mode ACTIVE. The engine asks at most once a second.
    virtual void request_recovery(std::string_view reason) = 0;
};

// The node-wide counters and whoever wants to watch; per-database figures are in
// record_engine::statistics(). Everything has an empty default.
class record_events {
public:
    record_events() = default;
    record_events(const record_events&) = delete;
    record_events& operator=(const record_events&) = delete;
    virtual ~record_events() = default;

    virtual void call_accepted() {}                                   // total_calls, pending_calls
    virtual void call_finished(std::chrono::nanoseconds /*taken*/) {} // pending_calls, call_latency
    virtual void call_abandoned() {}                                  // pending_calls: client gone
    virtual void hops_seen(std::uint32_t /*hopcount*/) {}
    virtual void lock_wait_started() {}
    virtual void lock_wait_finished(std::chrono::nanoseconds /*waited*/) {}
    virtual void lock_wait_failed() {}
    virtual void delegated() {}                              // total_ro_delegations
    virtual void revoked() {}                                // total_ro_revokes
    virtual void packet_dropped(std::string_view /*why*/) {} // from a node: surprise, counted
    // Delete queue of vacuuming (databases.md 2.2): an empty record was stored by its dmaster; or
    // the key holds something else again.
    virtual void deletion_candidate(
        db_id /*db*/, byte_view /*key*/, const protocol::record_header& /*stored*/
    ) {}
    virtual void not_deletion_candidate(db_id /*db*/, byte_view /*key*/) {}
    // A request was taken up under its lock; `arrival` counts up per engine (tests: arrival order).
    virtual void taken_up(byte_view /*key*/, std::uint64_t /*arrival*/, bool /*from_node*/) {}
};

// Request ids of calls under way, shared by all databases of the node: REPLY_CALL and REPLY_ERROR
// name no database, so the node finds the engine by the id (call_routes.hpp has the table).
class call_ids {
public:
    call_ids() = default;
    call_ids(const call_ids&) = delete;
    call_ids& operator=(const call_ids&) = delete;
    virtual ~call_ids() = default;

    [[nodiscard]] virtual reqid allocate(record_engine& owner) = 0;
    virtual void release(reqid id) = 0;
};

} // namespace ctdb::ctdbd
