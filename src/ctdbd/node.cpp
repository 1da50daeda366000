#include "ctdbd/node.hpp"

#include "common/base/log.hpp"

#include <algorithm>

namespace ctdb::ctdbd {

namespace {

using namespace std::chrono_literals;
using protocol::tunable_id;

keepalive_settings keepalive_of(const protocol::tunable_list& tunables) {
    keepalive_settings s;
    s.interval = std::chrono::seconds(std::max(1U, tunables[tunable_id::keepalive_interval]));
    s.limit = tunables[tunable_id::keepalive_limit];
    return s;
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
    if (settings.persistent_majority) {
        commits_.need_majority_of([this] { return table_.known().size(); });
    }
    databases_.on_detach([this](database& db) { database_detached(db); });
    databases_.on_committed([this](database& db) { database_committed(db); });
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
            db->engine()->set_tunables(record_tunables_now());
        }
    }
    providers_.tell_all(provider::tunables_changed{settings_.tunables});
    if (tunables_changed_) {
        tunables_changed_(settings_.tunables);
    }
}

// ---- recovery ----

void node::recovery_starts() {
    recovery_started_at_ = host_.wall_clock();
}

void node::recovery_ends() {
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
    ++recoveries_begun_;
    recovery_wanted_.clear(); // the freeze is still to come
    epoch_.set_vnn_map(map);
    return {};
}

answer<> node::set_recovery_mode(protocol::recovery_mode mode) {
    recoveries_begun_ += mode == protocol::recovery_mode::active ? 1 : 0;
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

async::task<recovery_outcome> node::run_recovery() {
    recovery_request request;
    request.generations_seen.insert(epoch_.generation());
    const protocol::time_value clock = host_.wall_clock();
    request.wall_clock_us = static_cast<std::uint64_t>(clock.seconds) * 1'000'000U +
                            static_cast<std::uint64_t>(clock.microseconds);
    request.under_lock = settings_.cluster_lock.has_value();
    request.queued_bytes = [this](pnn to) { return links_.queued_bytes(to); };
    const recovery_report report = co_await recovery_.run(std::move(request));
    recovery_outcome outcome;
    outcome.done = report.outcome;
    outcome.to_blame = report.to_blame;
    if (!report.outcome) {
        log_error("recovery failed: {}", report.outcome.error().what);
        co_return outcome;
    }
    log_notice(
        "recovery done: generation {}, {} nodes, {} databases, {} ms",
        report.generation,
        report.active.size(),
        report.databases,
        std::chrono::duration_cast<std::chrono::milliseconds>(report.took).count()
    );
    co_return outcome;
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
    hooks.lock_lost = [this](const std::string& why) {
        request_recovery(fmt::format("cluster lock lost while leading: {}", why));
    };
    hooks.lock_latency = [this](async::duration taken) {
        router_.counters().reclock_recovery.add(std::chrono::duration<double>(taken).count());
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
