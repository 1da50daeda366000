// Calls of clients that are under way: answered, given up, sent again (databases.md 2.9).
#include "common/base/log.hpp"
#include "ctdbd/database/record/record_impl.hpp"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

namespace ctdb::ctdbd {
namespace {

// How soon a call is tried again that another node could not place.
constexpr std::chrono::milliseconds refused_retry_interval{250};

} // namespace

void record_engine::impl::keep_pending(const record_request& request, ctdb::reqid id) {
    pending_call call;
    call.client = request.client;
    call.client_id_of_call = request.id;
    const bool reads = wants_to_read(request);
    call.flags = reads ? request.flags : request.flags.without(protocol::call_flag::want_readonly);
    call.call = request.call;
    call.sent_call = reads ? protocol::call_id::fetch_with_header : request.call;
    call.key = to_bytes(request.key);
    call.call_data = to_bytes(request.data);
    call.started = request.arrived;
    call.resend_at = runtime_.now() + settings_.resend_after;
    watch_from(call.resend_at);
    pending_.emplace(id, std::move(call));
}

void record_engine::impl::reply_call(
    const protocol::packet_header& header, const protocol::reply_call& body
) {
    const auto call = pending_.find(header.reqid);
    if (call == pending_.end() || header.generation != generation_) {
        events_.packet_dropped("REPLY_CALL that nobody waits for");
        return;
    }
    pending_call& waiting = call->second;
    const auto copied = protocol::header_of(body.data);
    if (waiting.sent_call == protocol::call_id::fetch_with_header && !copied) {
        // smbd 4.25 aborts over such an answer
        events_.packet_dropped("REPLY_CALL without the header that was asked for");
        waiting.resend_at = runtime_.now() + refused_retry_interval;
        watch_from(waiting.resend_at);
        return;
    }
    const bool reads = waiting.flags.has(protocol::call_flag::want_readonly);
    if (body.status != protocol::status::ok || !reads) {
        out_.reply_to_client(waiting.client, waiting.client_id_of_call, body.status, {}, body.data);
        finish(call);
        return;
    }
    if (!copied->flags.has(protocol::record_flag::ro_have_readonly)) {
        const byte_view data = protocol::data_after_header(body.data);
        answer_client(waiting.client, waiting.client_id_of_call, waiting.call, *copied, data);
        finish(call);
        return;
    }
    submit_readonly_copy(header, waiting.key, body.data);
}

void record_engine::impl::submit_readonly_copy(
    const protocol::packet_header& header, byte_view key, byte_view value
) {
    record_request request;
    request.kind = request_kind::readonly_copy;
    request.id = header.reqid;
    request.source = header.srcnode;
    request.generation = header.generation;
    request.key = key;
    request.data = value;
    request.own(); // the pending call, and with it the key, ends before the lock does
    submit(std::move(request));
}

// "Unknown database" mostly means "not yet": its attach is on the way there (databases.md 2.5).
void record_engine::impl::reply_error(
    const protocol::packet_header& header, const protocol::reply_error& body
) {
    const auto call = pending_.find(header.reqid);
    if (call == pending_.end()) {
        events_.packet_dropped("REPLY_ERROR that nobody waits for");
        return;
    }
    const auto now = runtime_.now();
    pending_call& waiting = call->second;
    waiting.refused = true;
    if (!waiting.refused_since) {
        waiting.refused_since = now;
    }
    log_info(
        "database {}: key {}: node {} answers error {}: {}",
        settings_.name,
        to_hex(waiting.key),
        header.srcnode,
        body.status,
        protocol::text_until_nul(body.message)
    );
    waiting.resend_at = now + refused_retry_interval;
    watch_from(waiting.resend_at);
}

void record_engine::impl::finish(pending_map::iterator call) {
    events_.call_finished(runtime_.now() - call->second.started);
    forget(call);
}

void record_engine::impl::forget(pending_map::iterator call) {
    const auto gone = pending_.extract(call);
    ids_.release(gone.key());
    end_fetch(gone.mapped().key, gone.key());
}

void record_engine::impl::end_fetch(byte_view key, ctdb::reqid id) {
    key_hold* hold = parking_.hold(key);
    if (hold == nullptr || hold->fetch != id) {
        return;
    }
    hold->fetch.reset();
    release_to_line(key, hold->collapsed);
    parking_.forget_if_useless(key);
}

// In the order in which the clients asked.
void record_engine::impl::resend_all() {
    std::vector<std::pair<async::time_point, ctdb::reqid>> calls;
    calls.reserve(pending_.size());
    for (const auto& [id, call] : pending_) {
        calls.emplace_back(call.started, id);
    }
    std::stable_sort(calls.begin(), calls.end());
    for (const auto& [started, id] : calls) {
        resend(id);
    }
}

// To ourselves, under a new id: our own header says where it has to go now, and answers to the
// first attempt find nobody (databases.md 2.9).
void record_engine::impl::resend(ctdb::reqid id) {
    auto taken_out = pending_.extract(id);
    pending_call& call = taken_out.mapped();
    const ctdb::reqid fresh = ids_.allocate(owner_);
    ids_.release(id);
    if (key_hold* hold = parking_.hold(call.key); hold != nullptr && hold->fetch == id) {
        hold->fetch = fresh;
    }
    call.resend_at = runtime_.now() + settings_.resend_after;
    call.refused = false;
    watch_from(call.resend_at);
    protocol::req_call body;
    body.flags = call.flags;
    body.db_id = settings_.db;
    body.call_id = call.sent_call;
    const auto header = header_to(settings_.me, fresh, settings_.me);
    taken_out.key() = fresh;
    const auto placed = pending_.insert(std::move(taken_out));
    body.key = placed.position->second.key;
    body.call_data = placed.position->second.call_data;
    out_.send(header, body);
}

void record_engine::impl::give_up(pending_map::iterator call) {
    const pending_call& waiting = call->second;
    log_error(
        "database {}: key {}: other nodes cannot place the call: the client is told",
        settings_.name,
        to_hex(waiting.key)
    );
    out_.refuse_client(
        waiting.client,
        waiting.client_id_of_call,
        protocol::status::failed,
        "the record's node does not know the database"
    );
    finish(call);
}

async::time_point record_engine::impl::watch_pending(async::time_point now) {
    auto next = async::time_point::max();
    if (!serving()) {
        return next; // the thaw sends everything again
    }
    std::vector<ctdb::reqid> due;
    for (const auto& [id, call] : pending_) {
        if (call.resend_at <= now) {
            due.push_back(id);
        } else {
            next = std::min(next, call.resend_at);
        }
    }
    for (const ctdb::reqid id : due) {
        const auto call = pending_.find(id);
        if (!call->second.refused) {
            call->second.refused_since.reset(); // some node has taken it up since
        }
        if (call->second.refused_since &&
            now - *call->second.refused_since > settings_.unknown_db_patience) {
            give_up(call);
            continue;
        }
        if (!call->second.refused_since) {
            log_warning(
                "database {}: key {}: no answer for {} s, asking again",
                settings_.name,
                to_hex(call->second.key),
                std::chrono::duration_cast<std::chrono::seconds>(now - call->second.started).count()
            );
        }
        resend(id);
    }
    return due.empty() ? next : std::min(next, now + settings_.resend_after);
}

} // namespace ctdb::ctdbd
