// The dmaster's role changes hands (databases.md 2.6, 2.7; wire-protocol.md 2.3).
#include "common/base/log.hpp"
#include "ctdbd/database/record/planted_bug.hpp"
#include "ctdbd/database/record/record_impl.hpp"

#include <algorithm>
#include <cstring>

namespace ctdb::ctdbd {

using protocol::record_flag;
using protocol::record_header;

header_bytes encode_header(const record_header& header) noexcept {
    header_bytes out{};
    std::memcpy(out.data(), &header.rsn.value, 8);
    std::memcpy(out.data() + 8, &header.dmaster.value, 4);
    std::memcpy(out.data() + 12, &header.reserved, 4);
    std::memcpy(out.data() + 16, &header.flags.value, 4);
    return out;
}

// Every write of the engine: the store rule, then the file, then vacuuming's note.
result<record_header>
record_engine::impl::put(byte_view key, pnn lmaster, const record_header& header, byte_view data) {
    const store_place place{settings_.kind, settings_.me, lmaster};
    store_decision decision = decide_store(place, header, data.empty());
    if (planted(planted_bug::rsn_not_raised)) {
        decision.header.rsn = header.rsn;
    }
    const auto done =
        decision.keep ? store_.write(key, encode_header(decision.header), data) : store_.erase(key);
    if (!done) {
        want_recovery("cannot be stored", key);
        return pass(done);
    }
    if (decision.note == vacuum_note::candidate) {
        events_.deletion_candidate(settings_.db, key, decision.header);
    } else if (decision.note == vacuum_note::not_candidate) {
        events_.not_deletion_candidate(settings_.db, key);
    }
    return decision.header;
}

result<std::optional<record_header>> record_engine::impl::read_header(byte_view key) {
    std::optional<record_header> found;
    const auto read = store_.read(key, [&found](byte_view value) {
        if (const auto header = protocol::header_of(value)) {
            found = *header;
        }
    });
    if (!read) {
        return pass(read);
    }
    return found;
}

// The value is in scratch_. The packet carries the rsn from before our own write.
void record_engine::impl::hand_over(const record_request& request, const look& seen) {
    residency_.leaves(request.key, scratch_);
    record_header header = seen.header;
    if (!scratch_.empty() && !planted(planted_bug::migrated_flag_forgotten)) {
        header.flags.set(record_flag::migrated_with_data);
    }
    header.dmaster = request.source;
    if (!planted(planted_bug::old_dmaster_keeps_role) &&
        !put(request.key, seen.lmaster, header, scratch_)) {
        return; // still ours, and a recovery is on its way
    }
    const pnn next = seen.lmaster == settings_.me ? request.source : seen.lmaster;
    if (send_role(next, request, header, scratch_)) {
        return;
    }
    // No link to that node: nothing has left, the record stays here.
    header.dmaster = settings_.me;
    static_cast<void>(put(request.key, seen.lmaster, header, scratch_));
    want_recovery("cannot be handed over", request.key); // who asked may still wait for it (I9)
}

bool record_engine::impl::send_role(
    pnn to, const record_request& request, const record_header& header, byte_view data
) {
    const auto packet = header_to(to, request.id, settings_.me);
    if (to == header.dmaster) {
        if (planted(planted_bug::reply_dmaster_lost) && arrivals_ % 16 == 0) {
            return true;
        }
        protocol::reply_dmaster body;
        body.db_id = settings_.db;
        body.rsn = header.rsn;
        body.key = request.key;
        body.data = data;
        body.flags = header.flags;
        return out_.send(packet, body);
    }
    protocol::req_dmaster body;
    body.db_id = settings_.db;
    body.rsn = header.rsn;
    body.dmaster = header.dmaster;
    body.key = request.key;
    body.data = data;
    body.flags = header.flags;
    return out_.send(packet, body);
}

record_engine::impl::taken record_engine::impl::take_up_req_dmaster(record_request& request) {
    if (lmaster_of(request.key) != settings_.me) {
        events_.packet_dropped("REQ_DMASTER at a node that is not the lmaster");
        want_recovery("REQ_DMASTER at a node that is not its lmaster", request.key);
        return taken::done;
    }
    const auto read = read_header(request.key);
    if (!read) {
        want_recovery("cannot be read", request.key);
        return taken::done;
    }
    const std::optional<record_header>& mine = *read;
    const bool fresh = !mine || (mine->rsn.value == 0 && mine->dmaster == settings_.me);
    if (!fresh && mine->dmaster != request.source) {
        events_.packet_dropped("REQ_DMASTER of a node that is not the dmaster");
        want_recovery("given away by a node that does not own it", request.key);
        return taken::done;
    }
    rsn from = request.rsn;
    if (mine && mine->rsn > from) {
        log_warning(
            "database {}: key {}: rsn {} from node {} is behind our {}",
            settings_.name,
            to_hex(request.key),
            from,
            request.source,
            mine->rsn
        );
        from = mine->rsn; // I3
    }
    if (request.new_dmaster == settings_.me) {
        return become_dmaster(request, from);
    }
    pass_on(request, from);
    return taken::done;
}

void record_engine::impl::pass_on(const record_request& request, rsn from) {
    record_header header;
    header.rsn = from;
    header.dmaster = request.new_dmaster;
    header.flags = flags_from_wire(request);
    if (!put(request.key, settings_.me, header, request.data)) {
        return;
    }
    if (send_role(request.new_dmaster, request, header, request.data)) {
        return;
    }
    // The new dmaster cannot be reached: it gets nothing, so the record is ours to keep.
    header.dmaster = settings_.me;
    static_cast<void>(put(request.key, settings_.me, header, request.data));
    want_recovery("cannot be handed over", request.key); // who asked may still wait for it (I9)
}

record_engine::impl::taken record_engine::impl::take_up_reply_dmaster(record_request& request) {
    const auto read = read_header(request.key);
    if (!read) {
        want_recovery("cannot be read", request.key);
        return taken::done;
    }
    if (*read && (*read)->rsn > request.rsn) {
        // A second copy of an old packet: who owned it then has moved on (I1, I3).
        events_.packet_dropped("REPLY_DMASTER older than the own copy");
        want_recovery("came with an rsn of the past", request.key);
        return taken::done;
    }
    return become_dmaster(request, request.rsn);
}

// Stored whether or not anybody waits: nobody else has it any more.
record_engine::impl::taken
record_engine::impl::become_dmaster(const record_request& request, rsn from) {
    record_header header;
    header.rsn = from;
    header.dmaster = settings_.me;
    header.flags = flags_from_wire(request);
    auto call = pending_.find(request.id);
    if (call != pending_.end() && !same_bytes(call->second.key, request.key)) {
        call = pending_.end();
    }
    if (call != pending_.end() && call->second.flags.has(protocol::call_flag::vacuum_migration)) {
        header.flags.set(record_flag::vacuum_migrated);
    }
    const auto stored = put(request.key, lmaster_of(request.key), header, request.data);
    if (!stored) {
        return taken::done;
    }
    owner_hints_.forget(request.key);
    pin_if_sticky(request.key);
    if (call == pending_.end()) {
        return taken::done;
    }
    const auto now = runtime_.now();
    hot_keys_.migrated(request.key, now);
    const pending_call& waiting = call->second;
    const auto rest = residency_.arrived(request.key, waiting.client, request.data, now);
    if (rest.count() > 0) {
        stay_until(parking_.hold_for(request.key), now + rest);
    }
    give_turns(request, now);
    answer_client(waiting.client, waiting.client_id_of_call, waiting.call, *stored, request.data);
    finish(call);
    return taken::arrived_for_client;
}

void record_engine::impl::stay_until(key_hold& hold, async::time_point end) {
    hold.rest_until = std::max(hold.rest_until.value_or(end), end);
    watch_from(*hold.rest_until);
}

// Those who wait behind this call are told as well, now.
void record_engine::impl::give_turns(const record_request& request, async::time_point now) {
    key_hold* hold = parking_.hold(request.key);
    if (hold == nullptr) {
        return;
    }
    const auto others = std::ranges::count_if(hold->collapsed, [](const record_request& r) {
        return r.flags.has(protocol::call_flag::immediate_migration);
    });
    if (others > 0) {
        hold->turns.emplace(static_cast<std::size_t>(others), request.data, now);
        stay_until(*hold, hold->turns->next_look(now).value_or(now));
    }
}

// Other nodes' calls wait a moment, so that the clients here get something done
// (databases.md 2.10).
void record_engine::impl::pin_if_sticky(byte_view key) {
    const auto now = runtime_.now();
    if (!sticky_ || !sticky_records_.is_sticky(key, now)) {
        return;
    }
    key_hold& hold = parking_.hold_for(key);
    hold.pinned_until = now + settings_.tunables.sticky_pindown;
    watch_from(*hold.pinned_until);
}

// Transient flags are nobody else's business (I24); read-only flags cannot travel: the dmaster
// revokes before it hands over.
protocol::record_flags record_engine::impl::flags_from_wire(const record_request& request) {
    if (request.record_flags.has_any(protocol::readonly_mask)) {
        want_recovery("handed over with delegations", request.key);
    }
    return request.record_flags.without(transient_flags | protocol::readonly_mask);
}

} // namespace ctdb::ctdbd
