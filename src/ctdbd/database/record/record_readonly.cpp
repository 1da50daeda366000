// Copies that other nodes may read, and their end (databases.md 3).
#include "common/base/log.hpp"
#include "common/protocol/record_buffer.hpp"
#include "ctdbd/database/record/planted_bug.hpp"
#include "ctdbd/database/record/record_impl.hpp"

#include <algorithm>
#include <utility>

namespace ctdb::ctdbd {

using protocol::record_flag;
using protocol::record_header;

// ---- at the dmaster ----

// The value is in scratch_.
void record_engine::impl::delegate(const record_request& request, const look& seen) {
    record_header header = delegating(seen.header);
    // The copy outlives a deletion here, even that of an empty record: its rsn is above that of a
    // record made anew, so vacuuming has to look for it elsewhere (I7).
    header.flags.set(record_flag::migrated_with_data);
    if (header != seen.header && !put(request.key, seen.lmaster, header, scratch_)) {
        return; // nothing has left, and a recovery is on its way
    }
    if (!planted(planted_bug::reader_not_remembered)) {
        delegations_.add(request.key, request.source);
    }
    ++statistics_.ro_delegations;
    events_.delegated();
    const bytes value = protocol::join_header(delegated_copy(header), scratch_);
    protocol::reply_call body;
    body.status = protocol::status::ok;
    body.data = value;
    out_.send(header_to(request.source, request.id, settings_.me), body);
}

// The call waits until nobody else can read the record any more. Nobody has a copy: at once.
void record_engine::impl::revoke(record_request& request, look& seen) {
    std::set<pnn> readers = delegations_.readers_of(request.key);
    readers.erase(settings_.me);
    if (readers.empty()) {
        const auto stored = put(request.key, seen.lmaster, after_revoke(seen.header), scratch_);
        if (!stored) {
            cannot_serve(request, stored.error().what);
            return;
        }
        delegations_.forget(request.key);
        seen.header = *stored;
        judge_call(seen, scratch_);
        perform_call(request, seen);
        return;
    }
    seen.header.flags.set(record_flag::ro_revoking_readonly);
    if (const auto stored = put(request.key, seen.lmaster, seen.header, scratch_); !stored) {
        cannot_serve(request, stored.error().what);
        return;
    }
    tell_readers(seen, std::move(readers));
    request.own();
    parking_.hold_for(request.key).held.push_back(std::move(request));
}

// REVOKING without a revoke that runs: its end was lost, the copies may still be there.
void record_engine::impl::wait_for_revoke(record_request& request, look& seen) {
    revoke(request, seen);
}

void record_engine::impl::tell_readers(const look& seen, std::set<pnn> readers) {
    const byte_view key = seen.request.key;
    const std::uint64_t ticket = runtime_.random();
    parking_.hold_for(key).revoking = ticket;
    delegations_.start(ticket, {to_bytes(key), seen.header.rsn, readers, false, runtime_.now()});
    protocol::record_buffer_writer update(settings_.db);
    update.append(key, revoked_copy(seen.header), scratch_);
    const bytes buffer = update.take();
    bool all_gone = false;
    for (const pnn reader : readers) {
        if (!out_.send_update(reader, settings_.db, ticket, buffer)) {
            all_gone = delegations_.answered(ticket, reader, false);
        }
    }
    if (all_gone) {
        record_request end;
        end.kind = request_kind::revoke_end;
        end.generation = generation_;
        end.source = settings_.me;
        end.ticket = ticket;
        end.key = key;
        put_in_line(std::move(end)); // its lock is held here
    }
}

void record_engine::impl::update_answered(std::uint64_t ticket, pnn from, bool ok) {
    if (!delegations_.answered(ticket, from, ok)) {
        return;
    }
    record_request end;
    end.kind = request_kind::revoke_end;
    end.generation = generation_;
    end.source = settings_.me;
    end.ticket = ticket;
    end.key = delegations_.key_of(ticket);
    end.own();
    submit(std::move(end));
}

void record_engine::impl::take_up_revoke_end(const record_request& request) {
    const auto ended = delegations_.finish(request.ticket);
    key_hold* hold = parking_.hold(request.key);
    if (!ended || hold == nullptr || hold->revoking != request.ticket) {
        return;
    }
    hold->revoking.reset();
    const auto now = runtime_.now();
    if (end_revoke(*ended)) {
        hold->readers_until = now + writers_turn(now - ended->since);
        watch_from(*hold->readers_until);
    } else {
        hold->retry_until = now + settings_.after_failed_revoke;
        watch_from(*hold->retry_until);
    }
    release_what_is_free(request.key, *hold);
}

async::duration record_engine::impl::writers_turn(async::duration revoke) const {
    constexpr int times = 10;
    return std::clamp<async::duration>(
        revoke * times, settings_.writers_turn_min, settings_.writers_turn_max
    );
}

// True: no copy can be read any more, or there was nothing left to end.
bool record_engine::impl::end_revoke(const delegations::revoke& ended) {
    record_header header;
    const auto found = store_.read(ended.key, [this, &header](byte_view value) {
        if (const auto h = protocol::header_of(value)) {
            header = *h;
            const byte_view data = protocol::data_after_header(value);
            scratch_.assign(data.begin(), data.end());
        }
    });
    const bool still = found && *found && header.dmaster == settings_.me &&
                       header.rsn == ended.at &&
                       header.flags.has(record_flag::ro_revoking_readonly) &&
                       header.flags.has(record_flag::ro_have_delegations);
    if (!still) {
        return true;
    }
    if (ended.failed) {
        log_warning(
            "database {}: key {}: not all copies to read could be ended, trying again",
            settings_.name,
            to_hex(ended.key)
        );
        header.flags.clear(record_flag::ro_revoking_readonly);
        static_cast<void>(put(ended.key, lmaster_of(ended.key), header, scratch_));
        return false;
    }
    if (!put(ended.key, lmaster_of(ended.key), after_revoke(header), scratch_)) {
        return false;
    }
    delegations_.forget(ended.key);
    ++statistics_.ro_revokes;
    events_.revoked();
    return true;
}

// ---- at the reader ----

void record_engine::impl::take_up_readonly_copy(const record_request& request) {
    if (const auto kept = keep_readonly_copy(request); !kept) {
        log_error("database {}: {}", settings_.name, kept.error().what);
    }
    const auto call = pending_.find(request.id);
    if (call == pending_.end() || !same_bytes(call->second.key, request.key)) {
        return; // nobody waits any more
    }
    const pending_call& waiting = call->second;
    answer_client(
        waiting.client,
        waiting.client_id_of_call,
        waiting.call,
        *protocol::header_of(request.data),
        protocol::data_after_header(request.data)
    );
    finish(call);
}

// An answer that is older than what we have is an answer all the same, but not kept.
result<> record_engine::impl::keep_readonly_copy(const record_request& request) {
    const auto mine = read_header(request.key);
    if (!mine) {
        return pass(mine);
    }
    record_header copied = *protocol::header_of(request.data);
    const bool newer = !*mine || (*mine)->rsn < copied.rsn;
    if (!newer || (*mine && (*mine)->dmaster == settings_.me) || copied.dmaster == settings_.me) {
        return {};
    }
    copied.flags.clear(protocol::readonly_mask);
    copied.flags.set(record_flag::ro_have_readonly);
    const byte_view data = protocol::data_after_header(request.data);
    const auto stored = put(request.key, lmaster_of(request.key), copied, data);
    return stored ? result<>() : pass(stored);
}

} // namespace ctdb::ctdbd
