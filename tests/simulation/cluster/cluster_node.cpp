#include "tests/simulation/cluster/cluster_node.hpp"

#include "common/async/slot.hpp"
#include "common/base/log.hpp"
#include "common/protocol/controls.hpp"
#include "ctdbd/database/lineage.hpp"

#include <utility>

namespace ctdb::simulation {

using namespace std::chrono_literals;

namespace {
constexpr std::int64_t epoch_start = 1'700'000'000;
constexpr std::uint32_t chains = 7; // few: clients and daemons meet
} // namespace

std::vector<ctdbd::listed_node> nodes_list(std::size_t nodes) {
    std::vector<ctdbd::listed_node> list;
    for (std::size_t i = 0; i < nodes; ++i) {
        list.push_back({protocol::ipv4({10, 0, 0, static_cast<std::uint8_t>(i + 1)}), false});
    }
    return list;
}

cluster_node::cluster_node(
    const node_surroundings& around, pnn self, std::uint64_t life, memory_disk& disk
)
    : around_(around), self_(self), life_(life), runtime_(around.world),
      files_(disk, runtime_, chains), reading_(runtime_, [this] { read_clients(); }),
      tasks_(runtime_) {
    if (around_.arbiter != nullptr) {
        lock_ = std::make_unique<sim_lock>(*around_.arbiter, runtime_);
    }
    const ctdbd::node_doors doors{runtime_, *this, files_, *this, lock_.get()};
    node_ = std::make_unique<ctdbd::node>(doors, settings());
    tasks_.spawn(come_up());
}

cluster_node::~cluster_node() {
    tasks_.cancel_all();
    if (node_->state() >= protocol::run_state::setup) {
        around_.network.detach(self_);
    }
    node_.reset();
}

// Times are shortened so that a run of half a virtual minute sees every limit.
ctdbd::node_settings cluster_node::settings() const {
    using protocol::tunable_id;
    ctdbd::node_settings s;
    s.self = self_;
    s.nodes = nodes_list(around_.nodes);
    s.tunables[tunable_id::recovery_ban_period] = 5;
    s.tunables[tunable_id::rerecovery_timeout] = 2;
    s.tunables[tunable_id::recover_timeout] = 5;
    s.tunables[tunable_id::control_timeout] = 10;
    s.tunables[tunable_id::vacuum_interval] = 1;
    s.tunables[tunable_id::vacuum_fast_path_count] = 3;
    s.tunables[tunable_id::vacuum_max_run_time] = 10;
    if (around_.arbiter != nullptr) {
        s.cluster_lock = "!simulated";
    }
    s.leadership.lock_configured = around_.arbiter != nullptr;
    s.leadership.leader_timeout = around_.leader_timeout;
    return s;
}

// As ctdbd_daemon does it: databases, sockets, event setup, start, first recovery, RUNNING.
async::task<> cluster_node::come_up() {
    if (const auto opened = node_->databases().open_persistent(); !opened) {
        around_.wants_to_leave(self_, opened.error().what);
        co_return;
    }
    async::slot<ctdbd::answer<>> frozen(runtime_);
    const auto done = [&frozen](const ctdbd::answer<>& outcome) { frozen.set(outcome); };
    node_->databases().freeze_for_start(done);
    const ctdbd::answer<> outcome = co_await frozen.take();
    if (!outcome) {
        around_.wants_to_leave(self_, "databases cannot be frozen: " + outcome.error().text);
        co_return;
    }
    node_->set_state(protocol::run_state::setup);
    around_.network.attach(self_, *this, runtime_);
    co_await async::sleep_for(runtime_, 30ms); // event setup
    node_->start();
    for (;;) {
        const ctdbd::epoch& now = node_->current_epoch();
        const bool recovered = now.generation() != invalid_generation && !now.recovering() &&
                               node_->state() >= protocol::run_state::startup;
        if (recovered) {
            break;
        }
        co_await async::sleep_for(runtime_, 50ms);
    }
    node_->set_state(protocol::run_state::running);
    client::send<protocol::controls::startup>(
        node_->cluster(), protocol::broadcast_connected, protocol::none{}
    );
    node_->own().set_healthy(true, "simulated");
}

std::uint64_t cluster_node::birth_of(const std::string& name) const {
    const bytes saved = files_.saved_lineage(name);
    reader in(saved);
    return saved.empty() ? 0 : ctdbd::get_lineage(in).birth;
}

std::string cluster_node::describe() {
    const ctdbd::epoch& e = node_->current_epoch();
    std::string text = fmt::format(
        "node {}: run state {}, flags {:x}, leader {}{}, generation {}{}{}",
        self_,
        static_cast<unsigned>(node_->state()),
        node_->table().own_flags().value,
        node_->leadership().leader(),
        node_->leadership().leading() ? " (itself)" : "",
        e.generation(),
        e.recovering() ? ", recovering" : "",
        runtime_.paused() ? ", paused" : ""
    );
    for (const auto& db : node_->databases().all()) {
        text += fmt::format(
            ", {} generation {} phase {} pending {} parked {}",
            db->name(),
            db->generation(),
            static_cast<int>(db->phase()),
            db->engine()->pending_calls(),
            db->engine()->parked()
        );
    }
    return text;
}

// ---- clients ----

void cluster_node::client_sends(client_id client, bytes packet) {
    inbox_.push_back([this, client, packet = std::move(packet)] {
        node_->clients().packet(client, packet);
    });
    reading_.schedule();
}

void cluster_node::client_closes(client_id client) {
    inbox_.push_back([this, client] { node_->clients().client_gone(client); });
    reading_.schedule();
}

void cluster_node::read_clients() {
    for (std::size_t left = inbox_.size(); left > 0; --left) {
        const auto next = std::move(inbox_.front());
        inbox_.pop_front();
        next();
    }
    if (!inbox_.empty()) {
        reading_.schedule();
    }
}

// ---- links ----

void cluster_node::deliver(pnn from, byte_view packet) {
    around_.world.begin_turn_of(&runtime_);
    node_->link_packet(from, packet);
}

void cluster_node::connection_made(pnn to) {
    around_.world.begin_turn_of(&runtime_);
    node_->link_up(to);
}

// Some packet may always have been under way.
void cluster_node::connection_lost(pnn to) {
    around_.world.begin_turn_of(&runtime_);
    node_->link_down(to, "connection lost", true);
}

void cluster_node::send(pnn to, bytes packet) {
    around_.network.send(self_, to, std::move(packet));
}

void cluster_node::fail(pnn peer, std::string) {
    around_.close_link(self_, peer);
}

// ---- host ----

protocol::time_value cluster_node::wall_clock() const {
    const auto since = runtime_.now().time_since_epoch();
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(since).count();
    return protocol::time_value{epoch_start + us / 1'000'000, us % 1'000'000};
}

std::int32_t cluster_node::process_id() const {
    return static_cast<std::int32_t>(1000 + life_);
}

async::task<result<int>> cluster_node::run_event(ctdbd::cluster_event) {
    co_return 0;
}

async::task<result<std::vector<ctdbd::listed_node>>> cluster_node::read_nodes() {
    co_return nodes_list(around_.nodes);
}

async::task<result<>> cluster_node::cluster_lock_is_taken() {
    co_return result<>{};
}

void cluster_node::shut_down(int, const std::string& reason) {
    around_.wants_to_leave(self_, reason);
}

} // namespace ctdb::simulation
