#include "tests/simulation/cluster/cluster_run.hpp"

#include "common/base/log.hpp"

#include <algorithm>

namespace ctdb::simulation {

using namespace std::chrono_literals;
using std::chrono::microseconds;

namespace {
constexpr auto settle_limit = 30s;      // bans, deadlines of controls (10 s), elections
constexpr auto leader_timeout = 2500ms; // the leader says so every second
constexpr auto rest = 1s;
constexpr auto answer_time = 500ms;
constexpr auto vacuum_time = 12s; // a full run, two runs at the lmaster, one more after a failure
constexpr auto reconnect_after = 100ms;
constexpr std::uint64_t steps_per_second_max = 200'000;

std::pair<pnn, pnn> unordered(pnn a, pnn b) {
    return {std::min(a, b), std::max(a, b)};
}
} // namespace

run_plan::run_plan(std::uint64_t s) : seed(s) {
    sim_world dice(s ^ 0xC1057E4);
    nodes = 3 + (dice.chance(40) ? dice.below(5) : 0);
    lock = dice.chance(70);
    clients_per_node = nodes > 4 ? 1 : 1 + static_cast<std::uint32_t>(dice.below(2));
    operations = 6 + static_cast<std::uint32_t>(dice.below(12));
    troubles = 3 + static_cast<unsigned>(dice.below(8));
    delay_max = dice.chance(30) ? 20000us : 1000us;
    if (dice.chance(4)) { // many nodes take long
        nodes = 8 + dice.below(9);
        clients_per_node = 1;
    }
}

std::string run_plan::describe() const {
    return fmt::format(
        "seed {}: {} nodes, {}, {} clients each, {} operations, {} troubles, delay {} us",
        seed,
        nodes,
        lock ? "lock" : "no lock",
        clients_per_node,
        operations,
        troubles,
        delay_max.count()
    );
}

cluster_run::cluster_run(const run_plan& plan)
    : plan_(plan), world_(plan.seed), network_(world_), runtime_(world_),
      model_(nodes_, plan.lock), clients_around_{world_, runtime_, model_},
      reconnect_(runtime_, [this] { reconnect(); }), trouble_(runtime_, [this] { trouble(); }),
      troubles_left_(plan.troubles), second_(world_.now()) {
    network_.set_delays({50us, plan.delay_max});
    if (plan.lock) {
        arbiter_ = std::make_unique<lock_arbiter>(world_, leader_timeout);
    }
    for (std::size_t i = 0; i < plan.nodes; ++i) {
        start(id(i));
    }
}

cluster_run::~cluster_run() {
    clients_.clear();
    nodes_.clear();
}

std::string cluster_run::moment() const {
    const std::chrono::duration<double> now = world_.now().time_since_epoch() - 1h;
    for (const auto& [which, n] : nodes_) {
        if (n && &n->runtime() == world_.turn_of()) {
            return fmt::format("{:.6f} node {}", now.count(), which);
        }
    }
    return fmt::format("{:.6f} world", now.count());
}

cluster_node* cluster_run::node(pnn which) {
    const auto found = nodes_.find(which);
    return found == nodes_.end() ? nullptr : found->second.get();
}

bool cluster_run::step(async::time_point until) {
    if (model_.failure() || !world_.step(until)) {
        return false;
    }
    model_.look();
    if (world_.now() - second_ >= 1s) {
        second_ = world_.now();
        steps_at_ = world_.steps();
    } else if (world_.steps() - steps_at_ > steps_per_second_max) {
        model_.fail("the nodes keep each other busy without end");
    }
    return true;
}

void cluster_run::later(microseconds delay, std::function<void()> what) {
    jobs_.remove_if([](const async::timer& job) { return !job.armed(); });
    jobs_.emplace_back(runtime_, std::move(what)).arm_in(delay);
}

// ---- nodes ----

void cluster_run::start(pnn which) {
    log_debug("FAULT node {} starts", which);
    node_surroundings around{world_, network_, arbiter_.get(), plan_.nodes, leader_timeout, {}, {}};
    around.close_link = [this](pnn self, pnn peer) {
        network_.break_link(self, peer);
        reconnect_.arm_in(reconnect_after);
    };
    around.wants_to_leave = [this](pnn self, const std::string& why) {
        model_.fail(fmt::format("node {} wants to leave: {}", self, why));
    };
    model_.forget(which);
    nodes_[which] = std::make_unique<cluster_node>(around, which, ++lives_, disks_[which]);
    reconnect_.arm_in(reconnect_after);
    add_clients(which, plan_.operations);
}

void cluster_run::add_clients(pnn which, std::uint32_t operations) {
    for (std::uint32_t i = 0; i < plan_.clients_per_node; ++i) {
        clients_.emplace_back(clients_around_, *node(which), operations);
    }
}

void cluster_run::kill_clients(pnn which) {
    clients_.remove_if([which](const cluster_client& c) { return c.node() == which; });
}

void cluster_run::crash(pnn which) {
    log_debug("FAULT node {} crashes", which);
    kill_clients(which);
    for (const auto& [name, file] : disks_[which].persistent) {
        file->on_change = nullptr;
        file->on_replaced = nullptr;
    }
    nodes_.erase(which);
    model_.forget(which);
}

void cluster_run::resume(pnn which) {
    if (cluster_node* n = node(which); n != nullptr && n->runtime().paused()) {
        log_debug("FAULT node {} goes on", which);
        n->runtime().resume();
        network_.resumed(which);
        reconnect_.arm_in(reconnect_after);
    }
}

void cluster_run::cut(pnn a, pnn b) {
    log_debug("FAULT no link between {} and {}", a, b);
    cut_.insert(unordered(a, b));
    network_.break_link(a, b);
}

void cluster_run::split() {
    const std::size_t border = 1 + world_.below(plan_.nodes - 1);
    for (std::size_t a = 0; a < border; ++a) {
        for (std::size_t b = border; b < plan_.nodes; ++b) {
            cut(id(a), id(b));
        }
    }
}

// TCP connects where both ends run and the way is free; new nodes have links nobody asked for.
void cluster_run::reconnect() {
    const auto attached = [this](pnn which) {
        const cluster_node* n = node(which);
        return n != nullptr && nodes_.at(which)->daemon().state() >= protocol::run_state::setup;
    };
    bool again = false;
    for (const auto& [a, first] : nodes_) {
        for (const auto& [b, second] : nodes_) {
            if (a >= b) {
                continue;
            }
            const bool both = attached(a) && attached(b);
            again = again || !both;
            if (!both) {
                continue;
            }
            if (cut_.contains({a, b})) {
                network_.break_link(a, b);
            } else if (!first->runtime().paused() && !second->runtime().paused()) {
                network_.heal_link(a, b);
            }
        }
    }
    if (again) {
        reconnect_.arm_in(reconnect_after);
    }
}

// ---- trouble ----

void cluster_run::trouble() {
    if (troubles_left_ == 0) {
        return;
    }
    --troubles_left_;
    trouble_.arm_in(world_.between(50ms, 2500ms));
    happens(world_.below(16), id(world_.below(plan_.nodes)));
}

void cluster_run::happens(std::uint64_t what, pnn victim) {
    cluster_node* n = node(victim);
    if (n == nullptr || n->runtime().paused()) {
        return; // its end is planned
    }
    if (what < 3) {
        crash(victim);
        later(world_.between(10ms, 4000ms), [this, victim] {
            if (node(victim) == nullptr) {
                start(victim);
            }
        });
    } else if (what < 6) {
        log_debug("FAULT node {} is stopped (SIGSTOP)", victim);
        n->runtime().pause();
        later(world_.between(10ms, 4000ms), [this, victim] { resume(victim); });
    } else if (what < 9) {
        const pnn other = id((victim.value + 1 + world_.below(plan_.nodes - 1)) % plan_.nodes);
        if (node(other) != nullptr) {
            cut(victim, other);
        }
        later(world_.between(10ms, 3000ms), [this, pair = unordered(victim, other)] {
            log_debug("FAULT link {} {} may come back", pair.first, pair.second);
            cut_.erase(pair);
            reconnect_.arm_in(10ms);
        });
    } else if (what < 11) {
        split();
        later(world_.between(100ms, 5000ms), [this] {
            log_debug("FAULT all links may come back");
            cut_.clear();
            reconnect_.arm_in(10ms);
        });
    } else if (what < 12) {
        stop(victim);
    } else if (what < 13) {
        ban(victim);
    } else if (what < 15) {
        one_client_dies();
    } else {
        log_debug("FAULT node {} asks for a recovery", victim);
        n->daemon().ask_for_recovery("somebody says so");
    }
}

void cluster_run::one_client_dies() {
    if (clients_.empty()) {
        return;
    }
    const auto victim =
        std::next(clients_.begin(), static_cast<std::ptrdiff_t>(world_.below(clients_.size())));
    const pnn at = victim->node();
    const std::uint32_t left = victim->operations_left();
    victim->die();
    clients_.erase(victim);
    clients_.emplace_back(clients_around_, *node(at), left);
}

// STOP_NODE, CONTINUE_NODE
void cluster_run::stop(pnn which) {
    log_debug("FAULT node {} is stopped (STOP_NODE)", which);
    node(which)->daemon().own().stop();
    later(world_.between(50ms, 4000ms), [this, which, life = node(which)->life()] {
        cluster_node* n = node(which);
        if (n != nullptr && n->life() == life && !n->runtime().paused()) {
            log_debug("FAULT node {} is continued", which);
            n->daemon().own().resume();
        }
    });
}

void cluster_run::ban(pnn which) {
    log_debug("FAULT node {} is banned", which);
    const auto seconds = 1 + static_cast<std::uint32_t>(world_.below(3));
    if (!node(which)->daemon().own().set_ban({which, seconds}, "simulated")) {
        model_.fail("a ban is refused");
    }
}

void cluster_run::heal_everything() {
    log_debug("FAULT healing");
    clients_around_.closing = true;
    jobs_.clear();
    cut_.clear();
    for (std::size_t i = 0; i < plan_.nodes; ++i) {
        if (node(id(i)) == nullptr) {
            start(id(i));
        }
        resume(id(i));
        node(id(i))->daemon().own().resume();
    }
    reconnect_.arm_in(reconnect_after);
}

// ---- the run ----

std::string cluster_run::unsettled() const {
    for (const auto& [which, n] : nodes_) {
        ctdbd::node& daemon = n->daemon();
        const auto& wanted = nodes_.begin()->second->daemon().current_epoch().vnn_map();
        const ctdbd::epoch& epoch = daemon.current_epoch();
        const bool leads = nodes_.contains(daemon.leadership().leader()) &&
                           nodes_.at(daemon.leadership().leader())->daemon().leadership().leading();
        const bool flags_clear = std::all_of(nodes_.begin(), nodes_.end(), [&](const auto& other) {
            return daemon.table().flags(other.first).none();
        });
        if (!leads || epoch.recovering() || epoch.vnn_map() != wanted || !flags_clear ||
            wanted.map.size() != plan_.nodes || daemon.state() != protocol::run_state::running ||
            daemon.leadership().leader() !=
                nodes_.begin()->second->daemon().leadership().leader()) {
            return n->describe() + (flags_clear ? "" : ", flags of others") + "; " +
                   nodes_.begin()->second->describe();
        }
    }
    for (const cluster_client& client : clients_) {
        if (!client.done()) {
            return "I9: " + client.describe();
        }
    }
    return {};
}

// Everybody hears everybody at rest.
void cluster_run::check_messages() {
    for (cluster_client& client : clients_) {
        client.listen();
    }
    const auto listening = world_.now() + 200ms;
    while (step(listening)) {
    }
    for (cluster_client& client : clients_) {
        client.shout();
    }
    const auto heard = world_.now() + 500ms;
    while (step(heard)) {
    }
    for (const cluster_client& client : clients_) {
        if (client.messages_received() != clients_around_.messages_sent && !model_.failure()) {
            model_.fail(fmt::format(
                "{} messages were sent to all, {}: {} arrived",
                clients_around_.messages_sent,
                client.describe(),
                client.messages_received()
            ));
        }
    }
}

run_result cluster_run::run() {
    const auto began = world_.now();
    trouble_.arm_in(world_.between(10ms, 3000ms));
    while ((troubles_left_ > 0 || trouble_.armed()) && step(began + 600s)) {
    }
    heal_everything();
    const auto healed = world_.now();
    async::time_point look_at = healed;
    std::string missing = "?";
    while (!missing.empty() && step(healed + settle_limit)) {
        if (world_.now() >= look_at) {
            look_at = world_.now() + 20ms;
            missing = unsettled();
        }
    }
    run_result result;
    result.settled_after_s = std::chrono::duration<double>(world_.now() - healed).count();
    if (!missing.empty()) {
        model_.fail("no rest after the healing: " + unsettled());
    }
    const auto rested = world_.now() + rest;
    while (step(rested)) {
    }
    if (!model_.failure()) {
        check_messages();
    }
    if (!model_.failure() && !unsettled().empty()) {
        model_.fail("settled, then " + unsettled());
    }
    // What vacuuming asks of other nodes just now is answered soon.
    const auto answered = world_.now() + answer_time;
    while (model_.calls_pending() && step(answered)) {
    }
    if (!model_.failure()) {
        model_.check_rest(clients_around_.acknowledged);
    }
    const auto vacuumed = world_.now() + vacuum_time;
    while (!model_.failure() && step(vacuumed)) {
    }
    if (!model_.failure()) {
        model_.check_vacuumed();
    }
    result.failure = model_.failure();
    result.steps = world_.steps();
    result.virtual_seconds = std::chrono::duration<double>(world_.now() - began).count();
    result.epochs = model_.epochs;
    result.increments = model_.increments;
    result.removals = model_.removals;
    result.transactions = model_.transactions;
    result.unpromised = model_.unpromised;
    result.lost_records = model_.lost_records;
    result.forgiven = model_.forgiven_count();
    result.turns_lost = clients_around_.turns_lost;
    return result;
}

} // namespace ctdb::simulation
