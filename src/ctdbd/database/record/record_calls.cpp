// REQ_CALL, from clients and nodes (databases.md 2.4, 2.5, 2.8).
#include "common/base/log.hpp"
#include "ctdbd/database/record/planted_bug.hpp"
#include "ctdbd/database/record/record_impl.hpp"

#include <span>
#include <string>

namespace ctdb::ctdbd {
namespace {

call_origin origin_of(const record_request& request, pnn me) {
    if (request.from_client()) {
        return call_origin::client;
    }
    return request.source == me ? call_origin::own_node : call_origin::peer;
}

bool takes_the_value(call_action action) {
    return action == call_action::hand_over || action == call_action::delegate ||
           action == call_action::revoke || action == call_action::wait_for_revoke;
}

} // namespace

void record_engine::impl::take_up_call(record_request& request) {
    if (request.from_client() && settings_.tunables.fetch_collapse) {
        key_hold* hold = parking_.hold(request.key);
        if (hold != nullptr && hold->fetch) {
            request.own();
            hold->collapsed.push_back(std::move(request));
            return;
        }
    }
    look seen{request, lmaster_of(request.key), {}, call_action::serve, false, false};
    const auto read =
        store_.read(request.key, [this, &seen](byte_view value) { look_at_call(seen, value); });
    result<> ready;
    if (!read) {
        ready = pass(read);
    } else if (!seen.found) {
        ready = make_missing(seen);
    } else if (seen.revoked) {
        ready = clean_up_revoked(seen);
    }
    if (!ready) {
        cannot_serve(request, ready.error().what);
        return;
    }
    perform_call(request, seen);
}

void record_engine::impl::look_at_call(look& seen, byte_view value) {
    const auto header = protocol::header_of(value);
    if (!header) {
        return; // shorter than a header: missing (databases.md 0.1)
    }
    seen.found = true;
    seen.header = *header;
    const byte_view data = protocol::data_after_header(value);
    seen.revoked = header->flags.has(protocol::record_flag::ro_revoke_complete);
    if (seen.revoked) {
        scratch_.assign(data.begin(), data.end());
        return;
    }
    judge_call(seen, data);
}

// A call that can be served is, straight from the database's memory; one that sends the value
// elsewhere gets it copied.
void record_engine::impl::judge_call(look& seen, byte_view data) {
    call_situation situation;
    situation.me = settings_.me;
    situation.origin = origin_of(seen.request, settings_.me);
    situation.header = seen.header;
    situation.wants_to_read = wants_to_read(seen.request);
    situation.commit_running = commit_running_;
    seen.action = decide_call(situation);
    if (seen.action == call_action::serve) {
        answer_call(seen.request, seen.header, data);
    } else if (takes_the_value(seen.action) && data.data() != scratch_.data()) {
        scratch_.assign(data.begin(), data.end());
    }
}

result<> record_engine::impl::make_missing(look& seen) {
    seen.header = header_of_missing(seen.lmaster);
    if (settings_.kind == database_kind::persistent || seen.lmaster == settings_.me) {
        const auto stored = put(seen.request.key, seen.lmaster, seen.header, {});
        if (!stored) {
            return pass(stored);
        }
        seen.header = *stored;
    }
    scratch_.clear();
    judge_call(seen, scratch_);
    return {};
}

result<> record_engine::impl::clean_up_revoked(look& seen) {
    seen.header.flags.clear(protocol::readonly_mask);
    const auto stored = put(seen.request.key, seen.lmaster, seen.header, scratch_);
    if (!stored) {
        return pass(stored);
    }
    delegations_.forget(seen.request.key);
    seen.header = *stored;
    judge_call(seen, scratch_);
    return {};
}

void record_engine::impl::perform_call(record_request& request, look& seen) {
    switch (seen.action) {
    case call_action::serve: // has been
        if (!request.from_client()) {
            count_hops(request);
        }
        return;
    case call_action::send_out:
        send_out(request, seen.header.dmaster);
        return;
    case call_action::redirect:
        redirect_call(request, seen);
        return;
    case call_action::hand_over:
        count_hops(request);
        hand_over(request, seen);
        return;
    case call_action::delegate: // its hops are not counted (databases.md 2.5)
        delegate(request, seen);
        return;
    case call_action::revoke:
        revoke(request, seen);
        return;
    case call_action::wait_for_revoke:
        wait_for_revoke(request, seen);
        return;
    case call_action::wait_for_commit:
        hold_for_commit(request);
        return;
    case call_action::recover:
        ask_recovery_for_call(request);
        return;
    }
}

void record_engine::impl::count_hops(const record_request& request) {
    const record_tunables& tunables = settings_.tunables;
    ++statistics_.hop_count_buckets[protocol::hop_bucket(request.hopcount)];
    events_.hops_seen(request.hopcount);
    if (sticky_ && request.hopcount >= tunables.hopcount_make_sticky &&
        sticky_records_.make_sticky(request.key, runtime_.now(), tunables.sticky_duration)) {
        log_notice(
            "database {}: key {}: sticky for {} s after {} hops",
            settings_.name,
            to_hex(request.key),
            tunables.sticky_duration.count(),
            request.hopcount
        );
    }
}

void record_engine::impl::answer_call(
    const record_request& request, const protocol::record_header& header, byte_view data
) {
    if (request.from_client()) {
        answer_client(request.client, request.id, request.call, header, data);
        events_.call_finished(runtime_.now() - request.arrived);
        return;
    }
    const auto call = pending_.find(request.id);
    if (call == pending_.end() || !same_bytes(call->second.key, request.key)) {
        return; // its client is gone, or it was sent again
    }
    const pending_call& waiting = call->second;
    answer_client(waiting.client, waiting.client_id_of_call, waiting.call, header, data);
    finish(call);
}

// The three functions that every database knows; others answer nothing, successfully
// (wire-protocol.md 2.1).
void record_engine::impl::answer_client(
    client_id client,
    ctdb::reqid id,
    protocol::call_id call,
    const protocol::record_header& header,
    byte_view data
) {
    if (call == protocol::call_id::fetch) {
        out_.reply_to_client(client, id, protocol::status::ok, {}, data);
    } else if (call == protocol::call_id::fetch_with_header) {
        out_.reply_to_client(client, id, protocol::status::ok, encode_header(header), data);
    } else {
        out_.reply_to_client(client, id, protocol::status::ok, {}, {});
    }
}

void record_engine::impl::send_out(record_request& request, pnn to) {
    residency_.missed(request.key, request.client, runtime_.now());
    const ctdb::reqid id = ids_.allocate(owner_);
    keep_pending(request, id);
    if (settings_.tunables.fetch_collapse) {
        key_hold& hold = parking_.hold_for(request.key);
        hold.fetch = id;
        hold.fetch_until = runtime_.now() + settings_.collapse_limit;
        watch_from(hold.fetch_until);
    }
    const pending_call& waiting = pending_.at(id);
    protocol::req_call body;
    body.flags = waiting.flags;
    body.db_id = settings_.db;
    body.call_id = waiting.sent_call;
    body.key = request.key;
    body.call_data = request.data;
    const pnn first = owner_hints_.take(request.key, to);
    if (!out_.send(header_to(first, id, settings_.me), body)) {
        want_recovery("its dmaster cannot be reached", request.key);
    }
}

void record_engine::impl::redirect_call(const record_request& request, const look& seen) {
    const bool lmaster_here = seen.lmaster == settings_.me;
    const pnn to = lmaster_here ? seen.header.dmaster : seen.lmaster;
    if (request.hopcount >= settings_.hopcount_max - 1) {
        want_recovery("requests for it circle", request.key);
        return;
    }
    const std::uint32_t hopcount = request.hopcount + 1;
    if (!lmaster_here && request.source != settings_.me) {
        owner_hints_.asked_by(request.key, request.source);
    }
    const redirect step{request.source, request.id, request.via, to, seen.header.rsn};
    if (lmaster_here && redirects_.circles(step, runtime_.now()) &&
        !planted(planted_bug::orphans_not_noticed)) {
        want_recovery("no node owns it", request.key);
        return;
    }
    if (hopcount % 100 > 95) {
        log_warning(
            "database {}: key {}: request of node {} redirected {} times",
            settings_.name,
            to_hex(request.key),
            request.source,
            hopcount
        );
    }
    protocol::req_call body;
    body.flags = request.flags;
    body.db_id = settings_.db;
    body.call_id = request.call;
    body.hopcount = hopcount;
    body.key = request.key;
    body.call_data = request.data;
    if (!out_.send(header_to(to, request.id, request.source), body)) {
        want_recovery("its dmaster cannot be reached", request.key);
    }
}

void record_engine::impl::hold_for_commit(record_request& request) {
    key_hold& hold = parking_.hold_for(request.key);
    hold.for_commit = true;
    request.own();
    hold.held.push_back(std::move(request));
}

// A recovery ends every delegation and sends every call again: ours is kept for that, another
// node's is kept there.
void record_engine::impl::ask_recovery_for_call(const record_request& request) {
    if (request.from_client()) {
        keep_pending(request, ids_.allocate(owner_));
    }
    want_recovery("read-only delegations that nobody manages", request.key);
}

void record_engine::impl::cannot_serve(record_request& request, std::string_view why) {
    log_error("database {}: key {}: {}", settings_.name, to_hex(request.key), why);
    refuse_call(request, why);
}

void record_engine::impl::refuse_call(const record_request& request, std::string_view why) {
    if (request.from_client()) {
        out_.refuse_client(request.client, request.id, protocol::status::failed, why);
        events_.call_finished(runtime_.now() - request.arrived);
        return;
    }
    const std::string text(why);
    protocol::reply_error body;
    body.status = protocol::status::failed;
    body.message = byte_view(std::as_bytes(std::span(text.c_str(), text.size() + 1)));
    out_.send(header_to(request.source, request.id, settings_.me), body);
}

} // namespace ctdb::ctdbd
