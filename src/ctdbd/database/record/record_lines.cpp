// Locks, lines and holds: when a request is taken up.
#include "common/base/ensure.hpp"
#include "common/base/log.hpp"
#include "ctdbd/database/record/planted_bug.hpp"
#include "ctdbd/database/record/record_impl.hpp"

#include <algorithm>
#include <chrono>

namespace ctdb::ctdbd {
namespace {

using seconds = std::chrono::duration<double>;

// Requests served under one hold of a chain's lock: the loop stays free for others.
constexpr int batch_max = 200;
// A lock agent that fails is replaced by the store; give it this long, so often.
constexpr std::chrono::milliseconds lock_retry_interval{100};
constexpr unsigned lock_failures_max = 10;

// I11: locks end with the scope that took them.
class chain_guard {
public:
    chain_guard(local_store& store, byte_view key, std::size_t& held)
        : store_(store), key_(key), held_(held) {
        ++held_;
    }
    chain_guard(const chain_guard&) = delete;
    chain_guard& operator=(const chain_guard&) = delete;
    ~chain_guard() {
        --held_;
        store_.unlock(key_);
    }

private:
    local_store& store_;
    byte_view key_; // outlives the guard: see the users
    std::size_t& held_;
};

void expire(std::optional<async::time_point>& until, async::time_point now) {
    if (until && *until <= now) {
        until.reset();
    }
}
async::time_point end_of(const std::optional<async::time_point>& until) {
    return until.value_or(async::time_point::max());
}

} // namespace

void record_engine::impl::submit(record_request request) {
    request.arrival = ++arrivals_;
    request.arrived = runtime_.now();
    if (!serving() || has_line(request.key)) { // I8: behind those who came before
        park(std::move(request));
        return;
    }
    const auto locked = store_.try_lock(request.key);
    if (!locked) {
        fail_request(request, locked.error());
        return;
    }
    if (*locked == lock_state::busy) {
        residency_.in_use(request.key);
        park(std::move(request));
        return;
    }
    const byte_view key = request.key; // the packet's, whatever becomes of the request
    const chain_guard guard(store_, key, locks_held_);
    static_cast<void>(take_up(request));
    if (has_line(key)) {
        serve_line(store_.chain_of(key)); // calls that had collapsed behind this one
    }
}

bool record_engine::impl::has_line(byte_view key) {
    return !parking_.all_lines().empty() && parking_.line(store_.chain_of(key)) != nullptr;
}

void record_engine::impl::park(record_request request) {
    const std::uint32_t chain = store_.chain_of(request.key);
    chain_line& line = parking_.park(chain, std::move(request));
    if (serving() && line.is == chain_line::state::idle) {
        wait_for_lock(chain, line);
    }
}

void record_engine::impl::wait_for_lock(std::uint32_t chain, chain_line& line) {
    line.is = chain_line::state::waiting;
    line.since = runtime_.now();
    line.lock_key = to_bytes(line.requests.front().key);
    count_wait_started();
    store_.lock_when_free(line.lock_key, [this, chain](result<> locked) {
        lock_came(chain, locked);
    });
}

// ---- statistics: every wait that left the try-lock path (databases.md 4.3) ----

void record_engine::impl::count_wait_started() {
    ++statistics_.locks.num_calls;
    ++statistics_.locks.num_current;
    events_.lock_wait_started();
}

void record_engine::impl::count_wait_finished(async::duration waited) {
    --statistics_.locks.num_current;
    statistics_.locks.latency.add(seconds(waited).count());
    ++statistics_.locks.buckets[protocol::lock_bucket(seconds(waited).count())];
    events_.lock_wait_finished(waited);
}

void record_engine::impl::count_wait_failed() {
    --statistics_.locks.num_current;
    ++statistics_.locks.num_failed;
    events_.lock_wait_failed();
}

void record_engine::impl::stop_waiting(chain_line& line) {
    if (line.is == chain_line::state::waiting) {
        store_.cancel_wait(line.lock_key);
        line.is = chain_line::state::idle;
        --statistics_.locks.num_current;
        events_.lock_wait_failed();
    }
}

void record_engine::impl::lock_came(std::uint32_t chain, const result<>& locked) {
    chain_line* line = parking_.line(chain);
    if (line == nullptr || line->is != chain_line::state::waiting) {
        return;
    }
    line->is = chain_line::state::idle;
    if (!locked) {
        count_wait_failed();
        lock_failed(chain, *line, locked.error());
        return;
    }
    count_wait_finished(runtime_.now() - line->since);
    line->failures = 0;
    ++locks_held_;
    serve_line(chain);
    --locks_held_;
}

// The agent is gone, not the lock: try again for a while, then answer what can be answered.
void record_engine::impl::lock_failed(std::uint32_t chain, chain_line& line, const error& why) {
    if (++line.failures <= lock_failures_max) {
        line.is = chain_line::state::resting;
        line.again_at = runtime_.now() + lock_retry_interval;
        watch_from(line.again_at);
        return;
    }
    log_error("database {}: chain {}: {}", settings_.name, chain, why.what);
    std::deque<record_request> failed = std::move(line.requests);
    parking_.forget_line(chain);
    for (record_request& request : failed) {
        fail_request(request, why);
    }
}

void record_engine::impl::fail_request(record_request& request, const error& why) {
    ++statistics_.locks.num_failed;
    switch (request.kind) {
    case request_kind::client_call:
        out_.refuse_client(request.client, request.id, protocol::status::failed, why.what);
        events_.call_finished(runtime_.now() - request.arrived);
        break;
    case request_kind::node_call:
        cannot_serve(request, why.what);
        break;
    case request_kind::req_dmaster:
    case request_kind::reply_dmaster:
        want_recovery("record in flight cannot be stored", request.key);
        break;
    case request_kind::readonly_copy: // asked for again when its time is up
        break;
    case request_kind::update:
    case request_kind::pushed:
        request.job->finish(update_end::refused);
        break;
    case request_kind::revoke_end:
        want_recovery("copies to read cannot be ended", request.key);
        break;
    }
}

void record_engine::impl::make_due(chain_line& line) {
    line.is = chain_line::state::due;
    due_.schedule();
}

void record_engine::impl::run_due_lines() {
    std::vector<std::uint32_t> due;
    for (const auto& [chain, line] : parking_.all_lines()) {
        if (line.is == chain_line::state::due) {
            due.push_back(chain);
        }
    }
    for (const std::uint32_t chain : due) {
        try_line(chain);
    }
}

void record_engine::impl::try_line(std::uint32_t chain) {
    chain_line* line = parking_.line(chain);
    if (line == nullptr || line->is != chain_line::state::due) {
        return;
    }
    line->is = chain_line::state::idle;
    if (!serving()) {
        return;
    }
    if (line->requests.empty()) {
        parking_.forget_line(chain);
        return;
    }
    const bytes key = to_bytes(line->requests.front().key); // outlives the guard
    const auto locked = store_.try_lock(key);
    if (!locked) {
        lock_failed(chain, *line, locked.error());
        return;
    }
    if (*locked == lock_state::busy) {
        residency_.in_use(key);
        wait_for_lock(chain, *line);
        return;
    }
    line->failures = 0;
    const chain_guard guard(store_, key, locks_held_);
    serve_line(chain);
}

// In arrival order. After a record has come for a client, other nodes' calls for it have to wait
// until the lock was free once (databases.md 4.3 item 4).
void record_engine::impl::serve_line(std::uint32_t chain) {
    chain_line* line = parking_.line(chain);
    ensure(line != nullptr);
    std::optional<record_request> arrived;
    for (int count = 0; count < batch_max && !line->requests.empty() && serving(); ++count) {
        record_request& next = line->requests.front();
        const bool of_peer = next.kind == request_kind::node_call && next.source != settings_.me;
        if (of_peer && arrived && same_bytes(next.key, arrived->key)) {
            break;
        }
        record_request request = std::move(next);
        line->requests.pop_front();
        if (take_up(request) == taken::arrived_for_client) {
            arrived = std::move(request);
        }
    }
    if (line->requests.empty()) {
        stop_waiting(*line);
        parking_.forget_line(chain);
    } else if (line->is == chain_line::state::idle && serving()) {
        make_due(*line);
    }
}

record_engine::impl::taken record_engine::impl::take_up(record_request& request) {
    if (!request.from_client() && request.generation != generation_ &&
        !planted(planted_bug::old_generation_served)) {
        events_.packet_dropped("of another generation"); // I12
        request.abandoned();
        return taken::done;
    }
    if (held_back(request) || (request.job && request.job->over())) {
        return taken::done;
    }
    events_.taken_up(request.key, request.arrival, keeps_arrival_order(request));
    switch (request.kind) {
    case request_kind::client_call:
    case request_kind::node_call:
        take_up_call(request);
        return taken::done;
    case request_kind::req_dmaster:
        return take_up_req_dmaster(request);
    case request_kind::reply_dmaster:
        return take_up_reply_dmaster(request);
    case request_kind::readonly_copy:
        take_up_readonly_copy(request);
        return taken::done;
    case request_kind::update:
    case request_kind::pushed:
        take_up_update(request);
        return taken::done;
    case request_kind::revoke_end:
        take_up_revoke_end(request);
        return taken::done;
    }
    return taken::done;
}

// Other nodes' requests (I8), but for readers, who let writers pass, and what ends a wait.
bool record_engine::impl::keeps_arrival_order(const record_request& request) const noexcept {
    const bool dmaster_packet =
        request.kind == request_kind::req_dmaster || request.kind == request_kind::reply_dmaster;
    const bool of_peer = request.kind == request_kind::node_call && request.source != settings_.me;
    return dmaster_packet || (of_peer && !wants_to_read(request));
}

bool record_engine::impl::wants_to_read(const record_request& request) const noexcept {
    return readonly_ && request.flags.has(protocol::call_flag::want_readonly) &&
           (request.from_client() || request.call == protocol::call_id::fetch_with_header);
}

bool record_engine::impl::reads_elsewhere(const record_request& request) const noexcept {
    return request.kind == request_kind::node_call && request.source != settings_.me &&
           wants_to_read(request);
}

// A hold is for other nodes' calls; once one waits, everything of the key waits behind it (I8),
// but for local clients while the record merely stays for them. A revoke holds all calls. Copies
// that come and end are what holds wait for.
bool record_engine::impl::held_back(record_request& request) {
    key_hold* hold = parking_.hold(request.key);
    const bool dmaster_packet =
        request.kind == request_kind::req_dmaster || request.kind == request_kind::reply_dmaster;
    if (hold == nullptr || !(request.is_call() || dmaster_packet)) {
        return false;
    }
    if (hold->readers_until && !hold->holds_all() && reads_elsewhere(request)) {
        request.own();
        hold->readers.push_back(std::move(request));
        return true;
    }
    if (!hold->holds()) {
        return false;
    }
    const bool of_peer = request.kind == request_kind::node_call && request.source != settings_.me;
    const bool passes = !of_peer && (hold->held.empty() || hold->holds_peers_only());
    if (passes && !(hold->holds_all() && request.is_call())) {
        return false;
    }
    request.own();
    hold->held.push_back(std::move(request));
    return true;
}

void record_engine::impl::release_to_line(byte_view key, std::deque<record_request>& requests) {
    if (requests.empty()) {
        return;
    }
    const std::uint32_t chain = store_.chain_of(key);
    parking_.return_to_line(chain, requests);
    chain_line& line = *parking_.line(chain);
    if (line.is == chain_line::state::idle && serving()) {
        make_due(line);
    }
}

// To be taken up in a later turn, behind those who wait already.
void record_engine::impl::put_in_line(record_request request) {
    const std::uint32_t chain = store_.chain_of(request.key);
    chain_line& line = parking_.park(chain, std::move(request));
    if (line.is == chain_line::state::idle && serving()) {
        make_due(line);
    }
}

// Lines whose requests have all died need no lock any more.
void record_engine::impl::tidy_lines() {
    auto& lines = parking_.all_lines();
    for (auto line = lines.begin(); line != lines.end();) {
        if (line->second.requests.empty()) {
            stop_waiting(line->second);
            line = lines.erase(line);
        } else {
            ++line;
        }
    }
}

void record_engine::impl::watch_from(async::time_point at) {
    if (at < watch_at_) {
        watch_at_ = at;
        watch_.arm(at);
    }
}

void record_engine::impl::watch() {
    watch_at_ = async::time_point::max();
    const auto now = runtime_.now();
    const auto holds = watch_holds(now);
    const auto lines = watch_lines(now);
    const auto calls = watch_pending(now);
    const auto next = std::min(std::min(holds, lines), calls);
    if (next != async::time_point::max()) {
        watch_from(next);
    }
}

async::time_point record_engine::impl::watch_holds(async::time_point now) {
    auto next = async::time_point::max();
    auto& holds = parking_.all_holds();
    for (auto place = holds.begin(); place != holds.end();) {
        key_hold& hold = place->second;
        if (hold.fetch && hold.fetch_until <= now) {
            hold.fetch.reset(); // its call stays pending; those behind it ask for themselves
        }
        look_at_stay(place->first, hold, now);
        for (auto* until :
             {&hold.rest_until, &hold.pinned_until, &hold.retry_until, &hold.readers_until}) {
            expire(*until, now);
            next = std::min(next, end_of(*until));
        }
        release_what_is_free(place->first, hold);
        if (hold.fetch) {
            next = std::min(next, hold.fetch_until);
        }
        place = hold.useless() ? holds.erase(place) : std::next(place);
    }
    return next;
}

// The clients that were told together have the record for as long as they use it and their time
// allows.
void record_engine::impl::look_at_stay(byte_view key, key_hold& hold, async::time_point now) {
    if (!hold.turns || (hold.rest_until && *hold.rest_until > now)) {
        return;
    }
    const auto next = hold.turns->next_look(now);
    if (hold.rest_until && next && used_meanwhile(key, *hold.turns)) {
        hold.rest_until = next;
    } else {
        hold.turns.reset();
    }
}

bool record_engine::impl::used_meanwhile(byte_view key, client_turns& turns) {
    const auto locked = store_.try_lock(key);
    if (!locked) {
        return false;
    }
    if (*locked == lock_state::busy) {
        residency_.in_use(key);
        return true;
    }
    const chain_guard guard(store_, key, locks_held_);
    bool changed = false;
    const auto read = store_.read(key, [&changed, &turns](byte_view value) {
        changed = turns.changed(protocol::data_after_header(value));
    });
    return read && changed;
}

// Put in front of the line, the last ones first.
void record_engine::impl::release_what_is_free(byte_view key, key_hold& hold) {
    if (!hold.fetch) {
        release_to_line(key, hold.collapsed);
    }
    if (!hold.readers_until) {
        release_to_line(key, hold.readers);
    }
    if (!hold.holds()) {
        release_to_line(key, hold.held);
    }
}

async::time_point record_engine::impl::watch_lines(async::time_point now) {
    auto next = async::time_point::max();
    for (auto& [chain, line] : parking_.all_lines()) {
        if (line.is != chain_line::state::resting) {
            continue;
        }
        if (line.again_at <= now) {
            make_due(line);
        } else {
            next = std::min(next, line.again_at);
        }
    }
    return next;
}

} // namespace ctdb::ctdbd
