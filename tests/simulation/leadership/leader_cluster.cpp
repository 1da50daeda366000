#include "tests/simulation/leadership/leader_cluster.hpp"

#include "common/base/log.hpp"

#include <algorithm>

namespace ctdb::simulation {

namespace {

using namespace std::chrono_literals;
constexpr auto reconnect_after = 50ms;
constexpr std::uint64_t steps_per_second_max = 100'000; // a thousand times the usual

std::pair<std::size_t, std::size_t> unordered(std::size_t a, std::size_t b) {
    return {std::min(a, b), std::max(a, b)};
}

} // namespace

leader_cluster::leader_cluster(const cluster_settings& settings)
    : settings_(settings), world_(settings.seed), network_(world_), own_runtime_(world_),
      reconnect_(own_runtime_, [this] { reconnect(); }), nodes_(settings.nodes) {
    network_.set_delays(settings.delays);
    if (settings.lock) {
        arbiter_ = std::make_unique<lock_arbiter>(world_, settings.leader_timeout);
    }
    for (std::size_t i = 0; i < settings.nodes; ++i) {
        start(i);
    }
}

bool leader_cluster::step(async::time_point until) {
    const bool more = world_.step(until);
    if (more) {
        check();
    }
    if (world_.now() - second_began_ >= 1s) {
        second_began_ = world_.now();
        steps_before_ = world_.steps();
    } else if (world_.steps() - steps_before_ > steps_per_second_max) {
        problem_ = "the nodes keep each other busy without end";
    }
    return more && problem_.empty();
}

void leader_cluster::run_for(async::duration time) {
    const async::time_point until = world_.now() + time;
    while (problem_.empty() && step(until)) {
    }
}

bool leader_cluster::runs(std::size_t node) const {
    return alive(node) && !nodes_[node]->runtime().paused();
}

// LS1, LS2
void leader_cluster::check() {
    std::vector<std::size_t> leaders;
    for (std::size_t i = 0; i < size(); ++i) {
        if (!runs(i) || !nodes_[i]->leader_logic().leading()) {
            continue;
        }
        if (settings_.lock && nodes_[i]->lock()->up_to_date()) {
            leaders.push_back(i);
            if (!nodes_[i]->lock()->holds()) {
                problem_ = fmt::format("LS1: node {} leads without the lock", i);
            }
        }
    }
    if (leaders.size() > 1) {
        problem_ = fmt::format("LS1: nodes {} and {} both lead", leaders[0], leaders[1]);
    }
    if (!problem_.empty()) {
        log_error("INVARIANT BROKEN {}", problem_);
    }
}

// ---- Faults ----

void leader_cluster::start(std::size_t node) {
    leader_node_settings own;
    own.self = id(node);
    own.nodes = size();
    own.ours = settings_.ours;
    own.leadership.lock_configured = settings_.lock;
    own.leadership.leader_timeout = settings_.leader_timeout;
    const leader_node_world around{
        world_, network_, arbiter_.get(), [this](pnn self, pnn peer) { close_link(self, peer); }};
    nodes_[node] = std::make_unique<sim_leader_node>(around, own);
    for (std::size_t other = 0; other < size(); ++other) {
        if (other != node && alive(other) &&
            (cut_.contains(unordered(node, other)) || !runs(other))) {
            network_.break_link(id(node), id(other));
        }
    }
}

void leader_cluster::crash(std::size_t node) {
    nodes_[node].reset();
}

void leader_cluster::pause(std::size_t node) {
    nodes_[node]->runtime().pause();
}

void leader_cluster::resume(std::size_t node) {
    nodes_[node]->runtime().resume();
    network_.resumed(id(node));
    reconnect_.arm_in(reconnect_after);
}

void leader_cluster::cut(std::size_t a, std::size_t b) {
    cut_.insert(unordered(a, b));
    network_.break_link(id(a), id(b));
}

void leader_cluster::heal(std::size_t a, std::size_t b) {
    cut_.erase(unordered(a, b));
    reconnect_.arm_in(reconnect_after);
}

void leader_cluster::heal_everything() {
    cut_.clear();
    for (std::size_t i = 0; i < size(); ++i) {
        if (!alive(i)) {
            start(i);
        } else if (!runs(i)) {
            resume(i);
        }
        nodes_[i]->own().resume();
        static_cast<void>(nodes_[i]->own().set_ban({id(i), 0}, "healed"));
        nodes_[i]->set_leader_capability(true);
    }
    if (arbiter_) {
        arbiter_->file_system_away = false;
    }
    reconnect_.arm_in(reconnect_after);
}

void leader_cluster::stray(std::size_t from, srvid address, const bytes& data) {
    nodes_[from]->port().message(protocol::broadcast_connected, address, data);
}

// A node closes its connections to a silent peer; TCP tries again.
void leader_cluster::close_link(pnn self, pnn peer) {
    network_.break_link(self, peer);
    reconnect_.arm_in(reconnect_after);
}

void leader_cluster::reconnect() {
    for (std::size_t a = 0; a < size(); ++a) {
        for (std::size_t b = a + 1; b < size(); ++b) {
            if (runs(a) && runs(b) && !cut_.contains({a, b})) {
                network_.heal_link(id(a), id(b));
            }
        }
    }
}

// ---- What holds ----

std::optional<pnn> leader_cluster::common_leader() const {
    std::optional<pnn> common;
    for (std::size_t i = 0; i < size(); ++i) {
        if (!runs(i)) {
            continue;
        }
        const pnn leader = nodes_[i]->leader_logic().leader();
        if (leader == unknown_pnn || (common && *common != leader)) {
            return std::nullopt;
        }
        common = leader;
    }
    if (common && (!runs(common->value) || !nodes_[common->value]->leader_logic().leading())) {
        return std::nullopt;
    }
    return common;
}

std::string leader_cluster::unsettled() const {
    const auto leader = common_leader();
    if (!leader) {
        return "no common leader";
    }
    const ctdbd::epoch& wanted = nodes_[leader->value]->epoch();
    std::vector<pnn> active;
    for (std::size_t i = 0; i < size(); ++i) {
        if (!runs(i) || protocol::is_inactive(nodes_[i]->table().own_flags())) {
            continue;
        }
        active.push_back(id(i));
        if (nodes_[i]->epoch().recovering()) {
            return fmt::format("node {} is in recovery", i);
        }
        if (nodes_[i]->epoch().vnn_map() != wanted.vnn_map()) {
            return fmt::format("node {} has another vnn map than leader {}", i, *leader);
        }
    }
    return active == wanted.vnn_map().map ? "" : "the vnn map is not the active nodes";
}

std::uint64_t leader_cluster::recoveries() const {
    std::uint64_t sum = 0;
    for (const auto& node : nodes_) {
        sum += node ? node->leader_logic().recoveries_done() : 0;
    }
    return sum;
}

} // namespace ctdb::simulation
