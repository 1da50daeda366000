#include "ctdbd/node.hpp"

#include "common/base/ensure.hpp"
#include "common/base/log.hpp"
#include "common/protocol/controls.hpp"
#include "common/protocol/hash.hpp"

#include <algorithm>

namespace ctdb::ctdbd {

namespace {

using namespace std::chrono_literals;
using protocol::tunable_id;

constexpr client_id daemon_itself{0}; // of calls that no client made
constexpr async::duration held_calls_limit = 3s;
constexpr std::size_t held_calls_max = 256;
constexpr async::duration activity_limit = 30s; // cluster.md 12.4 point 7

keepalive_settings keepalive_of(const protocol::tunable_list& tunables) {
    keepalive_settings s;
    s.interval = std::chrono::seconds(std::max(1U, tunables[tunable_id::keepalive_interval]));
    s.limit = tunables[tunable_id::keepalive_limit];
    return s;
}

record_tunables record_tunables_of(const protocol::tunable_list& tunables) {
    record_tunables t;
    t.fetch_collapse = tunables[tunable_id::fetch_collapse] == 1;
    t.hopcount_make_sticky = tunables[tunable_id::hopcount_make_sticky];
    t.sticky_duration = std::chrono::seconds(tunables[tunable_id::sticky_duration]);
    t.sticky_pindown = std::chrono::milliseconds(tunables[tunable_id::sticky_pindown]);
    return t;
}

double seconds(std::chrono::nanoseconds ns) {
    return std::chrono::duration<double>(ns).count();
}

} // namespace

node::node(const node_doors& doors, const node_settings& settings)
    : settings_(settings), runtime_(doors.runtime), links_(doors.links, *this), host_(doors.host),
      table_(settings.self, settings.nodes),
      router_(doors.runtime, settings.self, links_, *this, epoch_, *this), port_(router_),
      routes_(router_.ids()), own_(doors.runtime, table_, settings_.tunables, make_own_hooks()),
      versions_(settings.version),
      databases_(*this, doors.files, [this](database& db) { return make_engine(db); }),
      commits_(*this, databases_), traverses_(*this, databases_),
      vacuum_(*this, databases_, make_vacuum_doors()), pushed_(*this, databases_),
      clients_(router_, *this), providers_(router_, make_provider_events()), recovery_(port_),
      started_(doors.runtime.now()), started_at_(doors.host.wall_clock()),
      tick_timer_(doors.runtime, [this] { tick(); }),
      held_timer_(doors.runtime, [this] { replay_held_calls(); }),
      slot_timer_(doors.runtime, [this] { end_statistics_slot(); }),
      publish_later_(doors.runtime, [this] { publish_node_map(); }), activity_told_(doors.runtime),
      tasks_(doors.runtime) {
    recovery_started_at_ = started_at_;
    recovery_ended_at_ = started_at_;
    router_.counters().start_time = started_at_;
    table_.set_capabilities(settings.self, settings.capabilities);
    protocol::vnn_map initial{invalid_generation, table_.known()};
    epoch_.set_vnn_map(std::move(initial));
    epoch_.subscribe([this] { epoch_changed(); });
    flag_changes_ = table_.subscribe([this](const flag_change& change) { flags_changed(change); });
    own_.start_as(settings.start);
    databases_.on_detach([this](database& db) { database_detached(db); });
    liveness_.set(keepalive_of(settings_.tunables));
    leadership_ = std::make_unique<leader_logic>(
        port_, table_, settings_.tunables, doors.lock, settings.leadership, make_leader_hooks()
    );
    serve_daemon_controls(controls_, *this);
    serve_cluster_controls(controls_, *this);
    serve_client_controls(controls_, *this);
    serve_database_controls(controls_, *this);
}

node::~node() = default;

void node::start() {
    set_state(protocol::run_state::first_recovery);
    if (epoch_.generation() != invalid_generation && !epoch_.recovering()) {
        set_state(protocol::run_state::startup); // taken in while event setup still ran
    }
    leadership_->start();
    tick_timer_.arm(runtime_.now());
    end_statistics_slot();
    vacuum_.start();
}

// ---- transport ----

void node::watched_links::send(pnn to, bytes packet) {
    owner_.liveness_.sent(to, owner_.runtime_.now());
    real_.send(to, std::move(packet));
}

void node::link_up(pnn peer) {
    const async::time_point now = runtime_.now();
    liveness_.connected(peer, now);
    versions_.connected(peer, now);
    table_.link_up(peer);
    if (tick_timer_.armed()) {
        tick_timer_.arm(now);
    }
}

void node::link_down(pnn peer, const std::string& why, bool packets_undelivered) {
    liveness_.lost(peer);
    versions_.lost(peer);
    table_.link_down(peer, why);
    router_.node_lost(peer);
    traverses_.node_left(peer);
    if (packets_undelivered) {
        // A record on its way may be gone, even if the link is back before anybody looks
        // (databases.md 12.1 #1).
        request_recovery(fmt::format("link to node {} lost with packets undelivered", peer));
    }
}

void node::link_packet(pnn peer, byte_view packet) {
    liveness_.received(peer, runtime_.now());
    router_.receive(peer, packet);
}

void node::tick() {
    if (keepalives_stopped_) {
        return;
    }
    for (const pnn peer : table_.connected()) {
        liveness_.set_ours(peer, table_.is_ours(peer));
        versions_.set_ours(peer, table_.is_ours(peer));
    }
    const liveness_verdict verdict = liveness_.tick(runtime_.now());
    for (const pnn peer : verdict.keepalives) {
        send_keepalive(peer);
    }
    for (const liveness_verdict::dead_peer& dead : verdict.dead) {
        links_.fail(dead.node, dead.reason);
    }
    tick_timer_.arm(liveness_.next_tick());
}

void node::send_keepalive(pnn to) {
    const std::optional<std::uint32_t> version = versions_.to_announce(to, runtime_.now());
    if (!version) {
        return;
    }
    protocol::keepalive body;
    body.version = *version;
    body.uptime_s = static_cast<std::uint32_t>(
        std::chrono::duration_cast<std::chrono::seconds>(runtime_.now() - started_).count()
    );
    ++router_.counters().keepalive_packets_sent;
    router_.send_packet(to, protocol::encode(router_.header_to(to, reqid{0}), body));
}

void node::keepalive(pnn from, const std::optional<protocol::keepalive>& body) {
    std::optional<announced_version> theirs;
    if (body) {
        theirs = announced_version{body->version, body->uptime_s};
    }
    const auto uptime_s =
        std::chrono::duration_cast<std::chrono::seconds>(runtime_.now() - started_).count();
    const version_verdict verdict =
        versions_.received(from, theirs, static_cast<std::uint32_t>(uptime_s));
    if (verdict == version_verdict::shut_down) {
        host_.shut_down(0, fmt::format("node {} runs another version", from));
    } else if (verdict == version_verdict::differs) {
        report_version(from, body ? std::optional(body->version) : std::nullopt);
    }
}

// Once for each number a node announces.
void node::report_version(pnn from, std::optional<std::uint32_t> version) {
    const auto [known, first] = versions_reported_.emplace(from, version);
    if (!first && std::exchange(known->second, version) == version) {
        return;
    }
    if (version) {
        log_warning("node {} announces version {:#x}, not ours", from, *version);
    } else {
        log_warning("node {} announces no version: a release before 4.7", from);
    }
}

void node::stop_keepalives() {
    keepalives_stopped_ = true;
    tick_timer_.cancel();
}

// ---- what arrives ----

record_engine* node::engine_of(db_id id) {
    database* db = databases_.find(id);
    return db == nullptr ? nullptr : db->engine();
}

void node::refuse_unknown_database(const protocol::packet_header& from, db_id id) {
    const std::string text = fmt::format("Unknown database in request. db_id==0x{:08x}", id);
    const std::string with_nul(text.c_str(), text.size() + 1);
    send(
        router_.header_to(from.srcnode, from.reqid),
        protocol::reply_error{protocol::status::failed, view_of(with_nul)}
    );
}

// The attach that makes the database known here may still be on its way (databases.md 2.5 step 1).
void node::hold_call(byte_view raw, const protocol::packet_header& header, db_id id) {
    if (held_calls_.size() >= held_calls_max) {
        refuse_unknown_database(header, id);
        return;
    }
    held_calls_.push_back(
        {to_bytes(raw), router_.record_peer(), header, id, runtime_.now() + held_calls_limit}
    );
    if (!held_timer_.armed()) {
        held_timer_.arm(held_calls_.front().until);
    }
}

void node::replay_held_calls() {
    for (held_call& held : std::exchange(held_calls_, {})) {
        if (databases_.find(held.database) != nullptr) {
            router_.receive(held.peer, held.packet);
        } else if (held.until <= runtime_.now()) {
            refuse_unknown_database(held.header, held.database);
        } else {
            held_calls_.push_back(std::move(held));
        }
    }
    if (!held_calls_.empty()) {
        held_timer_.arm(held_calls_.front().until);
    }
}

void node::record_packet(const protocol::packet& p, byte_view raw) {
    protocol::node_counters& counters = router_.counters().node;
    if (const auto* call = std::get_if<protocol::req_call>(&p.body)) {
        ++counters.req_call;
        if (record_engine* engine = engine_of(call->db_id)) {
            engine->receive(router_.record_peer(), p.header, *call);
        } else {
            hold_call(raw, p.header, call->db_id);
        }
    } else if (const auto* asked = std::get_if<protocol::req_dmaster>(&p.body)) {
        ++counters.req_dmaster;
        if (record_engine* engine = engine_of(asked->db_id)) {
            engine->receive(p.header, *asked);
        } else {
            refuse_unknown_database(p.header, asked->db_id);
            request_recovery(fmt::format(
                "node {} hands over records of a database not known here", p.header.srcnode
            ));
        }
    } else if (const auto* given = std::get_if<protocol::reply_dmaster>(&p.body)) {
        ++counters.reply_dmaster;
        if (record_engine* engine = engine_of(given->db_id)) {
            engine->receive(p.header, *given);
        }
    } else if (const auto* reply = std::get_if<protocol::reply_call>(&p.body)) {
        ++counters.reply_call;
        if (record_engine* engine = routes_.find(p.header.reqid)) {
            engine->receive(p.header, *reply);
        }
    } else if (const auto* failed = std::get_if<protocol::reply_error>(&p.body)) {
        ++counters.reply_error;
        if (record_engine* engine = routes_.find(p.header.reqid)) {
            engine->receive(p.header, *failed);
        }
    }
}

void node::control(const control_request& request, control_reply reply) {
    if (provider_hub::is_provided(request.opcode)) {
        providers_.request(request, std::move(reply));
    } else {
        controls_.dispatch(request, std::move(reply));
    }
}

void node::tunnel(const protocol::packet_header& header, const protocol::req_tunnel& body) {
    clients_.tunnel(header, body);
}

// ---- clients ----

void node::call(const record_call& call) {
    if (record_engine* engine = engine_of(call.call.db_id)) {
        engine->client_call(call.client, call.id, call.call);
    } else {
        refuse_client(
            call.client,
            call.id,
            protocol::status::failed,
            fmt::format("unknown database 0x{:08x}", call.call.db_id)
        );
    }
}

bool node::routed_elsewhere(pnn to) const {
    return to != table_.self() && to != protocol::current_node;
}

void node::client_ended(client_id client) {
    for (const auto& db : databases_.all()) {
        if (db->engine() != nullptr) {
            db->engine()->client_gone(client);
        }
    }
    databases_.client_gone(client);
    commits_.client_gone(client);
    traverses_.client_gone(client);
    providers_.client_ended(client);
}

void node::updates_abandoned(client_id client) {
    request_recovery(fmt::format("client {} left during a persistent update", client));
}

std::uint32_t node::control_timeout_s() const {
    return settings_.tunables[tunable_id::control_timeout];
}

std::uint32_t node::max_queue_drop_msg() const {
    return settings_.tunables[tunable_id::max_queue_drop_msg];
}

// ---- databases ----

std::unique_ptr<record_engine> node::make_engine(database& db) {
    held_timer_.arm(runtime_.now()); // calls that waited for this database
    record_settings s;
    s.me = table_.self();
    s.db = db.id();
    s.name = db.name();
    s.kind = db.kind();
    s.tunables = record_tunables_of(settings_.tunables);
    record_outputs& outputs = *this; // private bases: converted here, where they are known
    record_events& events = *this;
    return std::make_unique<record_engine>(db.store(), runtime_, outputs, events, routes_, s);
}

// Vacuuming asks the engine as a client would, under the id that no client has.
vacuum_service::doors node::make_vacuum_doors() {
    vacuum_service::doors doors;
    doors.fetch = [](database& db, byte_view key, reqid id) {
        protocol::req_call call;
        call.flags = protocol::call_flag::immediate_migration;
        call.flags.set(protocol::call_flag::vacuum_migration);
        call.db_id = db.id();
        call.key = key;
        if (db.engine() != nullptr) {
            db.engine()->client_call(daemon_itself, id, call);
        }
    };
    doors.forget = [](database& db) {
        if (db.engine() != nullptr) {
            db.engine()->client_gone(daemon_itself);
        }
    };
    return doors;
}

void node::database_detached(database& db) {
    vacuum_.database_gone(db.id());
    traverses_.database_gone(db.id());
    commits_.database_gone(db.id());
}

bool node::is_inactive() const {
    return protocol::is_inactive(table_.own_flags());
}

std::vector<pnn> node::active_nodes() const {
    return table_.active();
}

std::size_t node::nodes_without_flags() const {
    const protocol::node_map map = table_.map();
    return static_cast<std::size_t>(std::count_if(
        map.nodes.begin(),
        map.nodes.end(),
        [](const protocol::node_and_flags& n) { return n.flags.none(); }
    ));
}

bool node::all_active_are_ours() const {
    return table_.all_active_are_ours();
}

void node::request_recovery(const std::string& reason) {
    if (epoch_.recovering()) {
        // Databases may be thawed already: the recovery under way does not heal what comes now.
        recovery_wanted_ = reason;
    } else {
        log_warning("recovery needed: {}", reason);
        epoch_.set_mode(protocol::recovery_mode::active);
    }
    leadership_->wake_leader();
}

void node::deliver_traverse(ctdb::srvid address, byte_view data) {
    router_.registry().deliver_exactly(address, data);
}

std::size_t node::queued_bytes(pnn to) const {
    return links_.queued_bytes(to);
}

template <class Body>
bool node::send_record(const protocol::packet_header& header, const Body& body) {
    const pnn to = header.destnode;
    if (!table_.is_connected(to)) {
        return false; // nothing may leave then: the engine keeps the record (record_outputs.hpp)
    }
    router_.send_packet(to, protocol::encode(header, body));
    return true;
}

bool node::send(const protocol::packet_header& header, const protocol::req_call& body) {
    return send_record(header, body);
}
bool node::send(const protocol::packet_header& header, const protocol::req_dmaster& body) {
    return send_record(header, body);
}
bool node::send(const protocol::packet_header& header, const protocol::reply_dmaster& body) {
    return send_record(header, body);
}
bool node::send(const protocol::packet_header& header, const protocol::reply_error& body) {
    return send_record(header, body);
}

bool node::send(const protocol::packet_header& header, const protocol::reply_call& body) {
    return send_record(header, body);
}

// Read-only copies end (databases.md 3.4). The database may be gone when the answer comes.
bool node::send_update(pnn to, ctdb::db_id db, std::uint64_t ticket, bytes record_buffer) {
    if (!table_.is_connected(to)) {
        return false;
    }
    client::control_call call;
    call.to = to;
    call.opcode = protocol::controls::update_record::opcode;
    call.data = std::move(record_buffer);
    const auto limit = std::chrono::seconds(std::max(1U, control_timeout_s()));
    router_.send_control(
        call,
        client_id{0},
        runtime_.now() + limit,
        [this, to, db, ticket](control_end how, const client::control_answer& said) {
            if (record_engine* engine = engine_of(db)) {
                engine->update_answered(
                    ticket, to, how == control_end::answered && said.status == 0
                );
            }
        }
    );
    return true;
}

void node::reply_to_client(
    client_id client, reqid id, std::int32_t status, byte_view head, byte_view data
) {
    if (client == daemon_itself) {
        vacuum_.fetch_answered(id);
        return;
    }
    if (head.empty()) {
        clients_.reply_to_call(client, id, status, data);
        return;
    }
    bytes both = to_bytes(head);
    both.insert(both.end(), data.begin(), data.end());
    clients_.reply_to_call(client, id, status, both);
}

void node::refuse_client(client_id client, reqid id, std::int32_t status, std::string_view text) {
    if (client == daemon_itself) {
        vacuum_.fetch_answered(id);
        return;
    }
    log_warning("call of client {} refused: {}", client, text);
    clients_.refuse_call(client, id, status, text);
}

void node::request_recovery(std::string_view reason) {
    request_recovery(std::string(reason));
}

// ---- counters ----

void node::call_accepted() {
    ++router_.counters().total_calls;
    ++router_.counters().pending_calls;
}

void node::call_finished(std::chrono::nanoseconds taken) {
    --router_.counters().pending_calls;
    router_.counters().call_latency.add(seconds(taken));
}

void node::call_abandoned() {
    --router_.counters().pending_calls;
}

void node::hops_seen(std::uint32_t hopcount) {
    protocol::statistics& s = router_.counters();
    s.max_hop_count = std::max(s.max_hop_count, hopcount);
    ++s.hop_count_buckets.at(protocol::hop_bucket(hopcount));
}

void node::lock_wait_started() {
    ++router_.counters().locks.num_calls;
    ++router_.counters().locks.num_current;
}

void node::lock_wait_finished(std::chrono::nanoseconds waited) {
    protocol::lock_counters& locks = router_.counters().locks;
    --locks.num_current;
    locks.latency.add(seconds(waited));
    ++locks.buckets.at(protocol::lock_bucket(seconds(waited)));
}

void node::lock_wait_failed() {
    --router_.counters().locks.num_current;
    ++router_.counters().locks.num_failed;
}

void node::deletion_candidate(db_id db, byte_view key, const protocol::record_header& stored) {
    vacuum_.candidate(db, key, stored);
}

void node::not_deletion_candidate(db_id db, byte_view key) {
    vacuum_.not_candidate(db, key);
}

protocol::statistics node::statistics() {
    protocol::statistics s = router_.counters();
    s.num_clients = static_cast<std::uint32_t>(clients_.count());
    s.frozen = databases_.all_frozen() ? 1 : 0;
    s.recovering = epoch_.recovering() ? 1 : 0;
    s.timeouts.control = router_.pending().timeouts();
    s.memory_used = host_.memory_used();
    s.current_time = host_.wall_clock();
    return s;
}

void node::reset_statistics() {
    const std::uint32_t pending = router_.counters().pending_calls;
    const std::uint32_t waiting = router_.counters().locks.num_current;
    const std::uint32_t updates = router_.counters().pending_childwrite_calls;
    router_.counters() = protocol::statistics{};
    router_.counters().pending_calls = pending;
    router_.counters().pending_childwrite_calls = updates;
    router_.counters().locks.num_current = waiting;
    router_.counters().start_time = host_.wall_clock();
    router_.pending().reset_timeouts();
    history_.reset(router_.counters());
    vacuum_.reset_statistics();
    for (const auto& db : databases_.all()) {
        if (db->engine() != nullptr) {
            db->engine()->reset_statistics();
        }
    }
}

void node::end_statistics_slot() {
    protocol::statistics now = router_.counters();
    now.current_time = host_.wall_clock();
    history_.end_slot(now);
    const auto interval = std::max(1U, settings_.tunables[tunable_id::stat_history_interval]);
    slot_timer_.arm_in(std::chrono::seconds(interval));
}

// ---- run state ----

void node::set_state(protocol::run_state next) {
    if (next <= state_) {
        return;
    }
    log_notice("run state {} -> {}", static_cast<unsigned>(state_), static_cast<unsigned>(next));
    state_ = next;
    providers_.tell_all(provider::run_state_changed{state_});
    if (state_ == protocol::run_state::startup) {
        databases_.attaches_may_go_on();
    }
}

protocol::uptime node::uptime() const {
    protocol::uptime u;
    u.current_time = host_.wall_clock();
    u.daemon_start = started_at_;
    u.last_recovery_started = recovery_started_at_;
    u.last_recovery_finished = recovery_ended_at_;
    return u;
}

void node::set_capability(protocol::capability which, bool on) {
    if (on) {
        settings_.capabilities.set(which);
    } else {
        settings_.capabilities.clear(which);
    }
    table_.set_capabilities(table_.self(), settings_.capabilities);
    leadership_->own_capabilities_changed();
}

void node::tunables_changed() {
    liveness_.set(keepalive_of(settings_.tunables));
    vacuum_.tunables_changed();
    versions_.set_allow_mixed(settings_.tunables[tunable_id::allow_mixed_versions] == 1);
    for (const auto& db : databases_.all()) {
        if (db->engine() != nullptr) {
            db->engine()->set_tunables(record_tunables_of(settings_.tunables));
        }
    }
    providers_.tell_all(provider::tunables_changed{settings_.tunables});
}

// ---- recovery ----

void node::recovery_starts() {
    recovery_started_at_ = host_.wall_clock();
}

void node::recovery_ends() {
    commits_.recovery_ended();
    ++router_.counters().num_recoveries;
    recovery_ended_at_ = host_.wall_clock();
    if (state_ == protocol::run_state::first_recovery) {
        set_state(protocol::run_state::startup);
    }
}

answer<> node::set_vnn_map(const protocol::vnn_map& map) {
    if (!epoch_.recovering()) {
        return refuse("vnn map refused: no recovery is active");
    }
    const auto invalid = [this](pnn which) { return !table_.is_known(which); };
    if (map.map.empty() || std::any_of(map.map.begin(), map.map.end(), invalid)) {
        return refuse("vnn map refused: it is empty or names an unknown node");
    }
    recovery_wanted_.clear(); // the freeze is still to come
    epoch_.set_vnn_map(map);
    return {};
}

answer<> node::set_recovery_mode(protocol::recovery_mode mode) {
    if (mode == epoch_.mode()) {
        return {};
    }
    if (mode == protocol::recovery_mode::normal) {
        if (auto checked = databases_.check_generations(); !checked) {
            return checked;
        }
        databases_.end_node_freeze();
    }
    epoch_.set_mode(mode);
    if (mode == protocol::recovery_mode::normal) {
        databases_.attaches_may_go_on();
        if (const std::string reason = std::exchange(recovery_wanted_, {}); !reason.empty()) {
            request_recovery(reason);
        }
    }
    return {};
}

void node::epoch_changed() {
    for (const auto& db : databases_.all()) {
        db->vnn_map_changed();
    }
    if (epoch_.recovering() != recovering_told_) {
        recovering_told_ = epoch_.recovering();
        providers_.tell_all(provider::recovery_changed{recovering_told_, epoch_.generation()});
    }
}

async::task<result<>> node::run_recovery() {
    recovery_request request;
    request.generations_seen.insert(epoch_.generation());
    const protocol::time_value clock = host_.wall_clock();
    request.wall_clock_us = static_cast<std::uint64_t>(clock.seconds) * 1'000'000U +
                            static_cast<std::uint64_t>(clock.microseconds);
    request.under_lock = settings_.cluster_lock.has_value();
    request.queued_bytes = [this](pnn to) { return links_.queued_bytes(to); };
    const recovery_report report = co_await recovery_.run(std::move(request));
    if (!report.outcome) {
        log_error("recovery failed: {}", report.outcome.error().what);
        co_return report.outcome;
    }
    log_notice(
        "recovery done: generation {}, {} nodes, {} databases, {} ms",
        report.generation,
        report.active.size(),
        report.databases,
        std::chrono::duration_cast<std::chrono::milliseconds>(report.took).count()
    );
    co_return report.outcome;
}

// ---- membership ----

own_node_hooks node::make_own_hooks() {
    own_node_hooks hooks;
    hooks.become_inactive = [this](std::string_view reason) { become_inactive(reason); };
    hooks.become_active = [this](std::string_view reason) { become_active(reason); };
    hooks.all_databases_frozen = [this] { return databases_.all_frozen(); };
    hooks.health_changed = [this](const protocol::node_flag_change& change) {
        leadership_->push_own_flags(change);
        writer out;
        protocol::put(out, protocol::srvid_message{table_.self(), srvid{0}});
        port_.message(protocol::broadcast_connected, protocol::srvids::takeover_run, out.view());
    };
    return hooks;
}

void node::become_inactive(std::string_view reason) {
    log_notice("this node becomes inactive: {}", reason);
    epoch_.invalidate();
    epoch_.set_mode(protocol::recovery_mode::active);
    databases_.become_inactive();
    tasks_.spawn(announce_activity(false));
}

void node::become_active(std::string_view reason) {
    log_notice("this node becomes active: {}", reason);
    tasks_.spawn(announce_activity(true));
    leadership_->wake_leader();
}

async::task<> node::announce_activity(bool active) {
    ++announcements_;
    provider::message event = provider::activity_changed{active, table_.own_flags()};
    const async::time_point deadline = runtime_.now() + activity_limit;
    const std::vector<event_outcome> outcomes =
        co_await providers_.ask(std::string(), std::move(event), deadline);
    for (const event_outcome& outcome : outcomes) {
        if (outcome.status != 0) {
            log_warning(
                "{} did not {}: {}",
                outcome.provider,
                active ? "take up work" : "let go of everything",
                outcome.text
            );
        }
    }
    --announcements_;
    activity_told_.notify();
}

async::task<> node::activity_acknowledged(async::time_point deadline) {
    async::timer limit(runtime_, [this] { activity_told_.notify(); });
    limit.arm(deadline);
    while (announcements_ != 0 && runtime_.now() < deadline) {
        co_await activity_told_.wait();
    }
}

void node::flags_changed(const flag_change& change) {
    if (!protocol::is_inactive(change.before) && protocol::is_inactive(change.now)) {
        traverses_.node_left(change.node);
    }
    publish_later_.schedule();
}

void node::publish_node_map() {
    provider::node_map_changed event;
    event.map = table_.map();
    event.all_ours = table_.all_active_are_ours();
    providers_.tell_all(event);
}

async::task<answer<>> node::reload_nodes() {
    const result<std::vector<listed_node>> nodes = co_await host_.read_nodes();
    if (!nodes) {
        co_return refuse(nodes.error());
    }
    const result<reload_outcome> outcome = table_.reload(*nodes);
    if (!outcome) {
        co_return refuse(outcome.error());
    }
    if (outcome->changed()) {
        for (const pnn gone : outcome->removed) {
            router_.node_lost(gone);
        }
        if (peers_changed_) {
            peers_changed_();
        }
        leadership_->kick("the nodes list has changed");
    }
    co_return answer<>{};
}

// ---- providers ----

provider_events node::make_provider_events() {
    provider_events events;
    events.health = [this](bool healthy, const std::string& reason) {
        own_.set_healthy(healthy, reason.empty() ? "monitored" : reason);
    };
    events.holding = [](std::uint32_t) {};
    events.registered = [this](const std::string& name) { provider_registered(name); };
    events.lost = [this](const std::string& name) {
        if (name == "serviced" && state_ < protocol::run_state::shutdown) {
            log_warning("serviced is gone: the node's health is not watched");
        }
    };
    events.lock_verified_ms = [this] {
        return leadership_->leading() && settings_.cluster_lock ? 0U : provider::heartbeat::never;
    };
    events.pid_of = [this](client_id client) {
        return static_cast<std::int32_t>(clients_.pid_of(client).value_or(0));
    };
    return events;
}

void node::provider_registered(const std::string& name) {
    provider::node_map_changed map;
    map.map = table_.map();
    map.all_ours = table_.all_active_are_ours();
    providers_.tell(name, map);
    provider::leader_changed leader;
    leader.leader = leadership_->leader();
    leader.epoch = leader_epoch_;
    leader.lock_configured = settings_.cluster_lock.has_value();
    providers_.tell(name, leader);
    providers_.tell(name, provider::tunables_changed{settings_.tunables});
    providers_.tell(name, provider::run_state_changed{state_});
    providers_.tell(name, provider::recovery_changed{epoch_.recovering(), epoch_.generation()});
    providers_.tell(name, provider::activity_changed{!is_inactive(), table_.own_flags()});
}

// ---- leadership ----

leader_hooks node::make_leader_hooks() {
    leader_hooks hooks;
    hooks.recover = [this](const recovery_order&) { return run_recovery(); };
    hooks.leader_changed = [this](pnn leader) {
        ++leader_epoch_;
        provider::leader_changed event;
        event.leader = leader;
        event.epoch = leader_epoch_;
        event.lock_configured = settings_.cluster_lock.has_value();
        providers_.tell_all(event);
    };
    hooks.wall_clock = [this] { return host_.wall_clock(); };
    hooks.fence = [this](bool fence, const std::string& reason) {
        if (fence) {
            become_inactive(reason);
        } else {
            become_active(reason);
        }
    };
    hooks.lock_latency = [this](async::duration taken) {
        router_.counters().reclock_recovery.add(seconds(taken));
    };
    // failoverd listens to these addresses itself. Where it is not there, nothing can be moved:
    // tools that wait are told that the run is over.
    hooks.on_takeover_run = [this](const protocol::srvid_message& asked) {
        if (leadership_->leading() && asked.srvid.value != 0 && !providers_.present("failoverd")) {
            const auto done = static_cast<std::int32_t>(table_.self().value);
            port_.message(asked.pnn, asked.srvid, protocol::encode(done));
        }
    };
    hooks.on_disable_takeover_runs = [](const protocol::disable_message&) {};
    hooks.on_rebalance_node = [](pnn) {};
    hooks.on_disable_ip_check = [](std::uint32_t) {};
    hooks.on_reload_nodes = [this] { leadership_->kick("nodes list reloaded"); };
    hooks.memory_report = [this] { return host_.memory_report(); };
    return hooks;
}

} // namespace ctdb::ctdbd
