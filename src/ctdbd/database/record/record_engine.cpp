#include "ctdbd/database/record/record_engine.hpp"

#include "common/base/ensure.hpp"
#include "common/base/log.hpp"
#include "common/protocol/hash.hpp"
#include "ctdbd/database/record/planted_bug.hpp"
#include "ctdbd/database/record/record_impl.hpp"

#include <chrono>
#include <utility>

namespace ctdb::ctdbd {
namespace {

// Recovery requests say "something is wrong", not "how often".
constexpr std::chrono::seconds recovery_request_interval{1};
constexpr std::string_view gone_text = "the database was detached";

} // namespace

record_engine::impl::impl(
    record_engine& owner,
    local_store& store,
    async::runtime& rt,
    record_outputs& out,
    record_events& events,
    call_ids& ids,
    record_settings settings
)
    : owner_(owner), store_(store), runtime_(rt), out_(out), events_(events), ids_(ids),
      settings_(std::move(settings)), due_(rt, [this] { run_due_lines(); }),
      watch_(rt, [this] { watch(); }) {}

record_engine::impl::~impl() {
    for (auto& [chain, line] : parking_.all_lines()) {
        stop_waiting(line);
    }
    for (const auto& [id, call] : pending_) {
        ids_.release(id);
    }
}

bool record_engine::impl::serving() const noexcept {
    return !frozen_ && generation_ != invalid_generation && map_.generation == generation_ &&
           !map_.map.empty();
}

void record_engine::impl::set_vnn_map(const protocol::vnn_map& map) {
    if (map == map_) {
        return; // told of every change of the epoch, also of the recovery mode alone
    }
    const bool was_serving = serving();
    map_ = map;
    redirects_.clear();
    resume_if_serving(was_serving, false);
}

void record_engine::impl::set_generation(ctdb::generation generation) {
    const bool was_serving = serving();
    if (generation != generation_) {
        end_delegations();
    }
    generation_ = generation;
    recovery_wanted_at_.reset(); // what is wrong now was not wrong before
    redirects_.clear();
    drop_stale();
    resume_if_serving(was_serving, false);
}

void record_engine::impl::freeze_asked() {
    freeze_failed(); // asked anew
    freeze_since_ = runtime_.now();
    count_wait_started();
}

void record_engine::impl::freeze_failed() {
    if (std::exchange(freeze_since_, {})) {
        count_wait_failed();
    }
}

void record_engine::impl::set_frozen(bool frozen) {
    if (const auto since = std::exchange(freeze_since_, {}); since && frozen) {
        count_wait_finished(runtime_.now() - *since);
    } else if (since) {
        count_wait_failed();
    }
    const bool was_serving = serving();
    frozen_ = frozen;
    resume_if_serving(was_serving, !frozen);
}

// Everything that waited goes on; calls under way may have been lost with the old generation.
void record_engine::impl::resume_if_serving(bool was_serving, bool resend) {
    if (!serving()) {
        return;
    }
    if (!was_serving) {
        for (auto& [chain, line] : parking_.all_lines()) {
            if (line.is == chain_line::state::idle) {
                make_due(line);
            }
        }
    }
    if (!was_serving || resend) {
        resend_all();
    }
}

// I12: what other nodes sent in another generation is void.
void record_engine::impl::drop_stale() {
    if (planted(planted_bug::old_generation_served)) {
        return;
    }
    parking_.drop_if([this](const record_request& r) {
        const bool stale = !r.from_client() && r.generation != generation_;
        if (stale) {
            events_.packet_dropped("of an earlier generation");
            r.abandoned();
        }
        return stale;
    });
    tidy_lines();
}

// A recovery has revoked everything: what it pushes carries no read-only flag (databases.md 3.4).
// And what came here to stay for a while may be somewhere else now.
void record_engine::impl::end_delegations() {
    delegations_.clear();
    owner_hints_.clear();
    for (auto& [key, hold] : parking_.all_holds()) {
        hold.rest_until.reset();
        hold.turns.reset();
        hold.pinned_until.reset();
        hold.revoking.reset();
        hold.retry_until.reset();
        hold.readers_until.reset();
    }
    watch();
}

// Nothing of another content may be stored into this one: who owned a record then does not now.
void record_engine::impl::content_replaced() {
    end_delegations();
    redirects_.clear();
    parking_.drop_if([this](const record_request& r) {
        if (r.is_call()) {
            return false; // judged by the header that is there now
        }
        events_.packet_dropped("of an earlier content");
        r.abandoned();
        return true;
    });
    tidy_lines();
}

// I9: nobody is left waiting for a database that is not there any more.
void record_engine::impl::detached() {
    freeze_failed();
    parking_.drop_if([this](const record_request& r) {
        const bool own_again = r.kind == request_kind::node_call && r.source == settings_.me;
        if (r.is_call() && !own_again) { // that one is pending
            refuse_call(r, gone_text);
        }
        r.abandoned();
        return true;
    });
    tidy_lines();
    for (const auto& [id, call] : std::exchange(pending_, {})) {
        ids_.release(id);
        out_.refuse_client(
            call.client, call.client_id_of_call, protocol::status::failed, gone_text
        );
        events_.call_finished(runtime_.now() - call.started);
    }
}

void record_engine::impl::set_commit_running(bool running) {
    commit_running_ = running;
    if (running) {
        return;
    }
    for (auto& [key, hold] : parking_.all_holds()) {
        hold.for_commit = false;
    }
    watch();
}

void record_engine::impl::client_gone(client_id client) {
    if (planted(planted_bug::gone_client_kept)) {
        return;
    }
    parking_.drop_if([this, client](const record_request& r) {
        const bool dead = r.from_client() && r.client == client;
        if (dead) {
            events_.call_abandoned();
        }
        return dead;
    });
    tidy_lines();
    for (auto call = pending_.begin(); call != pending_.end();) {
        const auto next = std::next(call);
        if (call->second.client == client) {
            events_.call_abandoned();
            forget(call);
        }
        call = next;
    }
}

protocol::packet_header
record_engine::impl::header_to(pnn to, ctdb::reqid id, pnn source) const noexcept {
    protocol::packet_header header;
    header.generation = generation_;
    header.destnode = to;
    header.srcnode = source;
    header.reqid = id;
    return header;
}

pnn record_engine::impl::lmaster_of(byte_view key) const noexcept {
    return protocol::lmaster_of(map_, key).value_or(unknown_pnn);
}

void record_engine::impl::want_recovery(std::string_view reason, byte_view key) {
    const auto now = runtime_.now();
    if (recovery_wanted_at_ && now - *recovery_wanted_at_ < recovery_request_interval) {
        return;
    }
    recovery_wanted_at_ = now;
    log_error("database {}: key {}: {}: recovery needed", settings_.name, to_hex(key), reason);
    out_.request_recovery(reason);
}

// ---- facade ----

record_engine::record_engine(
    local_store& store,
    async::runtime& rt,
    record_outputs& out,
    record_events& events,
    call_ids& ids,
    record_settings settings
)
    : impl_(std::make_unique<impl>(*this, store, rt, out, events, ids, std::move(settings))) {}

record_engine::~record_engine() = default;

void record_engine::client_call(client_id client, reqid id, const protocol::req_call& call) {
    record_request request;
    request.kind = request_kind::client_call;
    request.client = client;
    request.id = id;
    request.source = impl_->settings_.me;
    request.flags = call.flags;
    request.call = call.call_id;
    request.key = call.key;
    request.data = call.call_data;
    impl_->events_.call_accepted();
    impl_->submit(std::move(request));
}

void record_engine::receive(
    pnn via, const protocol::packet_header& header, const protocol::req_call& body
) {
    record_request request;
    request.kind = request_kind::node_call;
    request.id = header.reqid;
    request.source = header.srcnode;
    request.via = via;
    request.generation = header.generation;
    request.flags = body.flags;
    request.call = body.call_id;
    request.hopcount = body.hopcount;
    request.key = body.key;
    request.data = body.call_data;
    impl_->submit(std::move(request));
}

void record_engine::receive(
    const protocol::packet_header& header, const protocol::req_dmaster& body
) {
    record_request request;
    request.kind = request_kind::req_dmaster;
    request.id = header.reqid;
    request.source = header.srcnode;
    request.generation = header.generation;
    request.new_dmaster = body.dmaster;
    request.rsn = body.rsn;
    request.record_flags = body.flags.value_or(protocol::record_flags{});
    request.key = body.key;
    request.data = body.data;
    impl_->submit(std::move(request));
}

void record_engine::receive(
    const protocol::packet_header& header, const protocol::reply_dmaster& body
) {
    record_request request;
    request.kind = request_kind::reply_dmaster;
    request.id = header.reqid;
    request.source = header.srcnode;
    request.generation = header.generation;
    request.rsn = body.rsn;
    request.record_flags = body.flags.value_or(protocol::record_flags{});
    request.key = body.key;
    request.data = body.data;
    impl_->submit(std::move(request));
}

void record_engine::receive(
    const protocol::packet_header& header, const protocol::reply_call& body
) {
    impl_->reply_call(header, body);
}

void record_engine::receive(
    const protocol::packet_header& header, const protocol::reply_error& body
) {
    impl_->reply_error(header, body);
}

void record_engine::client_gone(client_id client) {
    impl_->client_gone(client);
}
void record_engine::set_vnn_map(const protocol::vnn_map& map) {
    impl_->set_vnn_map(map);
}
void record_engine::set_generation(ctdb::generation g) {
    impl_->set_generation(g);
}
void record_engine::freeze_asked() {
    impl_->freeze_asked();
}
void record_engine::freeze_failed() {
    impl_->freeze_failed();
}
void record_engine::frozen() {
    impl_->set_frozen(true);
}
void record_engine::thawed() {
    impl_->set_frozen(false);
}
void record_engine::content_replaced() {
    impl_->content_replaced();
}
void record_engine::detached() {
    impl_->detached();
}
void record_engine::commit_started() {
    impl_->set_commit_running(true);
}
void record_engine::commit_finished() {
    impl_->set_commit_running(false);
}
void record_engine::update_answered(std::uint64_t ticket, pnn from, bool ok) {
    impl_->update_answered(ticket, from, ok);
}
void record_engine::set_tunables(const record_tunables& tunables) noexcept {
    impl_->settings_.tunables = tunables;
}
void record_engine::set_readonly(bool on) noexcept {
    impl_->readonly_ = on;
}
void record_engine::set_sticky(bool on) noexcept {
    impl_->sticky_ = on;
}
ctdb::generation record_engine::generation() const noexcept {
    return impl_->generation_;
}
bool record_engine::serving() const noexcept {
    return impl_->serving();
}
std::size_t record_engine::pending_calls() const noexcept {
    return impl_->pending_.size();
}
std::size_t record_engine::parked() const noexcept {
    return impl_->parking_.size();
}
std::size_t record_engine::locks_held() const noexcept {
    return impl_->locks_held_;
}

protocol::db_statistics record_engine::statistics() const {
    protocol::db_statistics all = impl_->statistics_;
    all.hot_keys = impl_->hot_keys_.ascending();
    return all;
}

void record_engine::reset_statistics() {
    const auto waiting = impl_->statistics_.locks.num_current;
    impl_->statistics_ = {};
    impl_->statistics_.locks.num_current = waiting;
    impl_->hot_keys_.clear();
}

} // namespace ctdb::ctdbd
