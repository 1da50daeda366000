// node: its own flags and the nodes list, and what the daemons beside ctdbd are told of it.
#include "common/base/log.hpp"
#include "ctdbd/node.hpp"

namespace ctdb::ctdbd {

namespace {

using namespace std::chrono_literals;

constexpr async::duration activity_limit = 30s; // cluster.md 12.4 point 7

} // namespace

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
    const bool got_healthy = change.node != table_.self() && change.now.none();
    if (got_healthy && state_ <= protocol::run_state::startup && !databases_.unhealthy().empty()) {
        request_recovery(fmt::format("node {} is healthy and can heal databases here", change.node)
        );
    }
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

} // namespace ctdb::ctdbd
