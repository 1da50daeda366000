#include "tests/simulation/leadership/sim_leader_node.hpp"

#include "common/async/combinators.hpp"
#include "common/protocol/controls.hpp"

namespace ctdb::simulation {

namespace {

namespace controls = protocol::controls;
using namespace ctdbd;
using protocol::none;
using protocol::recovery_mode;

std::vector<listed_node> list_of(std::size_t nodes) {
    std::vector<listed_node> list;
    for (std::size_t i = 0; i < nodes; ++i) {
        list.push_back({protocol::ipv4({10, 0, 0, static_cast<std::uint8_t>(i + 1)}), false});
    }
    return list;
}

protocol::capabilities capabilities_of(bool ours) {
    protocol::capabilities all = protocol::upstream_capabilities;
    if (ours) {
        all |= protocol::capability::ours;
    }
    return all;
}

// All nodes at once; the first failure, if any, and who failed.
template <class Control>
async::task<recovery_outcome> on_all(
    client::cluster_port& port,
    std::vector<pnn> nodes,
    typename Control::request request,
    async::time_point deadline
) {
    using reply = result<typename Control::reply>;
    std::vector<async::task<reply>> asked;
    for (const pnn node : nodes) {
        asked.push_back(client::call<Control>(port, node, request, deadline));
    }
    const std::vector<reply> replies = co_await async::gather(std::move(asked));
    recovery_outcome outcome;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        if (!replies[i]) {
            outcome.done = pass(replies[i]);
            outcome.to_blame.push_back(nodes[i]);
        }
    }
    co_return outcome;
}

recovery_outcome failed(const recovery_outcome& step, const char* why) {
    return recovery_outcome{ctdb::fail(EAGAIN, "{}", why), step.to_blame};
}

} // namespace

sim_leader_node::sim_leader_node(
    const leader_node_world& around, const leader_node_settings& settings
)
    : around_(around), capabilities_(capabilities_of(settings.ours)), runtime_(around.world),
      table_(settings.self, list_of(settings.nodes)),
      router_(runtime_, settings.self, *this, *this, epoch_, *this), port_(router_),
      own_(runtime_, table_, tunables_, own_hooks()), tick_timer_(runtime_, [this] { tick(); }) {
    table_.set_capabilities(settings.self, capabilities_);
    serve_controls();
    if (around_.arbiter != nullptr) {
        lock_ = std::make_unique<sim_lock>(*around_.arbiter, runtime_);
    }
    logic_ = std::make_unique<ctdbd::leader_logic>(
        port_, table_, tunables_, lock_.get(), settings.leadership, leader_hooks()
    );
    around_.network.attach(settings.self, *this, runtime_);
    logic_->start();
    tick_timer_.arm_in(std::chrono::milliseconds(1));
}

sim_leader_node::~sim_leader_node() {
    around_.network.detach(table_.self());
}

own_node_hooks sim_leader_node::own_hooks() {
    own_node_hooks hooks;
    hooks.become_inactive = [this](std::string_view) {
        epoch_.invalidate();
        set_mode(recovery_mode::active);
    };
    hooks.become_active = [](std::string_view) {};
    hooks.all_databases_frozen = [] { return true; };
    hooks.health_changed = [this](const auto& change) { logic_->push_own_flags(change); };
    return hooks;
}

leader_hooks sim_leader_node::leader_hooks() {
    ctdbd::leader_hooks hooks;
    hooks.recover = [this](recovery_order order) { return recover(std::move(order)); };
    hooks.fence = [this](bool fence, const std::string&) {
        fenced_ = fence;
        if (fence) {
            epoch_.invalidate();
            set_mode(recovery_mode::active);
        }
    };
    hooks.wall_clock = [this] {
        const auto since = runtime_.now().time_since_epoch();
        const auto us = std::chrono::duration_cast<std::chrono::microseconds>(since).count();
        return protocol::time_value{1'700'000'000 + us / 1'000'000, us % 1'000'000};
    };
    return hooks;
}

async::task<recovery_outcome> sim_leader_node::recover(recovery_order order) {
    const async::time_point deadline = runtime_.now() + std::chrono::seconds(5);
    const std::vector<pnn> nodes = table_.active();
    const auto active =
        co_await on_all<controls::set_recovery_mode>(port_, nodes, recovery_mode::active, deadline);
    if (!active.done || !order.still_valid()) {
        co_return failed(active, "not everybody stopped, or void");
    }
    protocol::vnn_map map;
    map.generation = generation{static_cast<std::uint32_t>(runtime_.random() | 2U)};
    map.map = nodes;
    const auto mapped = co_await on_all<controls::set_vnn_map>(port_, nodes, map, deadline);
    if (!mapped.done || !order.still_valid()) {
        co_return failed(mapped, "not everybody has the map, or void");
    }
    co_await async::sleep_for(
        runtime_,
        around_.world.between(std::chrono::milliseconds(5), std::chrono::milliseconds(300))
    );
    const auto normal =
        co_await on_all<controls::set_recovery_mode>(port_, nodes, recovery_mode::normal, deadline);
    co_return normal;
}

void sim_leader_node::serve_controls() {
    controls_.serve<controls::get_node_map>(
        [this](const control_request&, none) -> answer<protocol::node_map> { return table_.map(); }
    );
    controls_.serve<controls::get_capabilities>(
        [this](const control_request&, none) -> answer<protocol::capabilities> {
            return capabilities_;
        }
    );
    controls_.serve<controls::get_recovery_mode>(
        [this](const control_request&, none) -> answer<protocol::status_value> {
            return protocol::status_value{epoch_.recovering() ? 1 : 0};
        }
    );
    controls_.serve<controls::set_recovery_mode>(
        [this](const control_request&, recovery_mode mode) -> answer<none> {
            if (mode == recovery_mode::normal && epoch_.generation() == invalid_generation) {
                return refuse("inactive meanwhile");
            }
            set_mode(mode);
            return none{};
        }
    );
    controls_.serve<controls::get_vnn_map>(
        [this](const control_request&, none) -> answer<protocol::vnn_map> {
            return epoch_.vnn_map();
        }
    );
    controls_.serve<controls::set_vnn_map>(
        [this](const control_request&, const protocol::vnn_map& map) -> answer<none> {
            if (!epoch_.recovering() || protocol::is_inactive(table_.own_flags())) {
                return refuse("not recovering, or inactive");
            }
            if (refuses_maps_) {
                ++maps_refused_;
                return refuse("told to");
            }
            epoch_.set_vnn_map(map);
            return none{};
        }
    );
    controls_.serve<controls::modify_flags>(
        [this](const control_request&, const auto& change) -> answer<none> {
            table_.modify_flags(change);
            return none{};
        }
    );
    controls_.serve<controls::set_ban_state>(
        [this](const control_request&, const auto& wanted) -> answer<none> {
            if (!own_.set_ban(wanted, "asked for")) {
                return refuse("another node");
            }
            return none{};
        }
    );
    controls_.serve<controls::freeze>([](const control_request&, none) -> answer<none> {
        return none{};
    });
}

void sim_leader_node::control(const control_request& request, control_reply reply) {
    controls_.dispatch(request, std::move(reply));
}

void sim_leader_node::set_mode(recovery_mode mode) {
    const bool starts = mode == recovery_mode::active && !epoch_.recovering();
    epoch_.set_mode(mode);
    if (starts && logic_) {
        logic_->wake_leader();
    }
}

void sim_leader_node::ask_for_recovery() {
    set_mode(recovery_mode::active);
}

void sim_leader_node::set_leader_capability(bool on) {
    capabilities_.clear(protocol::capability::recmaster);
    if (on) {
        capabilities_.set(protocol::capability::recmaster);
    }
    table_.set_capabilities(table_.self(), capabilities_);
    logic_->own_capabilities_changed();
}

void sim_leader_node::tick() {
    for (const pnn peer : table_.connected()) {
        liveness_.set_ours(peer, table_.is_ours(peer));
    }
    const liveness_verdict verdict = liveness_.tick(runtime_.now());
    for (const pnn peer : verdict.keepalives) {
        const protocol::keepalive body{};
        send(peer, protocol::encode(router_.header_to(peer, reqid{0}), body));
    }
    for (const auto& dead : verdict.dead) {
        fail(dead.node, dead.reason);
    }
    tick_timer_.arm(liveness_.next_tick());
}

void sim_leader_node::deliver(pnn from, byte_view packet) {
    liveness_.received(from, runtime_.now());
    router_.receive(from, packet);
}

void sim_leader_node::connection_made(pnn to) {
    liveness_.connected(to, runtime_.now());
    table_.link_up(to);
    tick_timer_.arm(std::max(runtime_.now(), liveness_.next_tick()));
}

void sim_leader_node::connection_lost(pnn to) {
    liveness_.lost(to);
    table_.link_down(to, "connection lost");
    router_.node_lost(to);
}

void sim_leader_node::send(pnn to, bytes packet) {
    liveness_.sent(to, runtime_.now());
    around_.network.send(table_.self(), to, std::move(packet));
}

void sim_leader_node::fail(pnn peer, std::string) {
    around_.close_link(table_.self(), peer);
}

} // namespace ctdb::simulation
