#include "tests/simulation/record/record_cluster.hpp"

#include "common/base/log.hpp"
#include "common/protocol/hash.hpp"

#include <algorithm>
#include <chrono>

namespace ctdb::simulation {

using std::chrono::microseconds;

namespace {
// Far more than any honest run needs.
constexpr std::uint64_t steps_max = 400'000;
constexpr std::chrono::seconds time_max{50};
// I4: two, and two for the handover that may be under way when the request starts. A record that
// got lost shows after one more walk there and back.
constexpr std::uint64_t honest_hops = 4;
constexpr std::uint64_t lost_packet_hops = 6;
constexpr std::chrono::seconds rest{1}; // for what is under way when the work is done
} // namespace

run_plan::run_plan(std::uint64_t s) : seed(s) {
    sim_world dice(s ^ 0xD1CE);
    kind = static_cast<weather>(s % 4);
    nodes = 3 + static_cast<std::uint32_t>(dice.chance(40) ? dice.below(5) : 0);
    if (dice.chance(10)) {
        nodes = 8 + static_cast<std::uint32_t>(dice.below(9));
    }
    clients_per_node = 1 + static_cast<std::uint32_t>(dice.below(4));
    keys = 1 + static_cast<std::uint32_t>(dice.below(4));
    chains = 1 + static_cast<std::uint32_t>(dice.below(5));
    operations = 4 + static_cast<std::uint32_t>(dice.below(16));
    removes_percent = dice.chance(50) ? 15 : 0;
    fetches_percent = dice.chance(50) ? 20 : 0;
    deaths_percent = dice.chance(30) ? 3 : 0;
    trouble = 4 + static_cast<unsigned>(dice.below(10));
    fetch_collapse = !dice.chance(20);
    keeps_dmaster = dice.chance(50);
    delay_max = microseconds(dice.chance(30) ? 8000 : 300);
    readonly = dice.chance(50);
    reads_percent = readonly ? 20 + static_cast<unsigned>(dice.below(60)) : 0;
    sticky = dice.chance(20);
    after_revoke = std::chrono::milliseconds(1 + dice.below(50));
    if (kind == weather::silence) {
        resend_after = std::chrono::milliseconds(500);
    }
}

std::string run_plan::describe() const {
    return fmt::format(
        "seed {}: weather {}, {} nodes, {} clients each, {} keys in {} chains, delay {} us{}{}",
        seed,
        static_cast<int>(kind),
        nodes,
        clients_per_node,
        keys,
        chains,
        delay_max.count(),
        readonly ? ", readonly" : "",
        sticky ? ", sticky" : ""
    );
}

record_cluster::record_cluster(const run_plan& plan)
    : plan_(plan), world_(plan.seed), network_(world_),
      model_(plan.keys, plan.kind == weather::calm ? honest_hops : lost_packet_hops),
      runtime_(world_), recovery_(*this), trouble_(runtime_, [this] { make_trouble(); }),
      troubles_left_(plan.trouble) {
    network_.set_delays({microseconds(20), plan.delay_max});
    for (std::uint32_t i = 0; i < plan.nodes; ++i) {
        start_node(pnn{i});
    }
    for (std::uint32_t i = 0; i < plan.nodes * plan.clients_per_node; ++i) {
        add_client(pnn{i % plan.nodes}, plan.operations);
    }
    recovery_.request();
    trouble_.arm_in(std::chrono::milliseconds(30));
}

record_cluster::~record_cluster() {
    for (record_client& client : clients_) {
        client.killed_with_node();
    }
}

record_node* record_cluster::node(pnn id) {
    const auto found = nodes_.find(id);
    return found == nodes_.end() ? nullptr : found->second.get();
}

void record_cluster::start_node(pnn id) {
    nodes_.emplace(id, std::make_unique<record_node>(*this, id, ++lives_));
}

void record_cluster::add_client(pnn id, std::uint32_t operations) {
    if (operations > 0) {
        clients_.emplace_back(*this, *node(id), operations);
    }
}

std::vector<copy>
record_cluster::copies(byte_view key, std::optional<ctdb::generation> only) const {
    std::vector<copy> all;
    for (const auto& [id, node] : nodes_) {
        const auto generation = node->engine().generation();
        if (node->inactive() || generation == invalid_generation || (only && *only != generation)) {
            continue;
        }
        if (auto found = node->copy_of(key)) {
            all.push_back(*found);
        }
    }
    return all;
}

void record_cluster::later(microseconds delay, std::function<void()> what) {
    jobs_.remove_if([](const async::timer& job) { return !job.armed(); });
    jobs_.emplace_back(runtime_, std::move(what)).arm_in(delay);
}

void record_cluster::trace(const std::string& line) const {
    const auto at = std::chrono::duration_cast<microseconds>(world_.now().time_since_epoch());
    log_debug("{} us: {}", at.count() - 3'600'000'000, line);
}

void record_cluster::connection_lost() {
    if (plan_.kind != weather::silence) {
        recovery_.request(); // databases.md 12.1 #1a
    }
}

void record_cluster::recovery_requested(std::string_view reason) {
    ++requested_;
    last_reason_ = reason;
    recovery_.request();
}

void record_cluster::client_died(pnn id, std::uint32_t operations_left) {
    later(microseconds(1000), [this, id, operations_left] {
        if (node(id) != nullptr) {
            add_client(id, operations_left);
        }
    });
}

// ---- trouble ----

void record_cluster::make_trouble() {
    if (troubles_left_ == 0) {
        return;
    }
    --troubles_left_;
    trouble_.arm_in(world_.between(microseconds(2000), microseconds(60000)));
    const pnn victim{static_cast<std::uint32_t>(world_.below(plan_.nodes))};
    if (world_.chance(30)) {
        commit(victim);
    }
    if (plan_.kind == weather::calm) {
        return;
    }
    const bool storm = plan_.kind == weather::storm;
    const auto dice = world_.below(storm ? 10 : 6);
    if (dice < 4) {
        break_link();
    } else if (dice < 6) {
        pause(victim);
    } else if (dice < 8) {
        crash(victim);
    } else if (dice < 9) {
        stop(victim);
    } else {
        recovery_.request();
    }
}

void record_cluster::break_link() {
    const auto a = static_cast<std::uint32_t>(world_.below(plan_.nodes));
    const auto b =
        (a + 1 + static_cast<std::uint32_t>(world_.below(plan_.nodes - 1))) % plan_.nodes;
    if (node(pnn{a}) == nullptr || node(pnn{b}) == nullptr) {
        return;
    }
    network_.break_link(pnn{a}, pnn{b});
    later(world_.between(microseconds(1), microseconds(5000)), [this, a, b] {
        if (node(pnn{a}) != nullptr && node(pnn{b}) != nullptr) {
            network_.heal_link(pnn{a}, pnn{b});
        }
    });
}

void record_cluster::pause(pnn id) {
    record_node* victim = node(id);
    if (victim == nullptr || victim->runtime().paused()) {
        return;
    }
    victim->runtime().pause();
    later(
        world_.between(microseconds(100), microseconds(30000)),
        [this, id, life = victim->life()] {
            record_node* same = node(id);
            if (same != nullptr && same->life() == life) {
                same->runtime().resume();
                network_.resumed(id);
            }
        }
    );
}

// A TRANS3_COMMIT: handovers wait for its end (databases.md 2.5 step 10).
void record_cluster::commit(pnn id) {
    record_node* busy = node(id);
    if (busy == nullptr) {
        return;
    }
    busy->engine().commit_started();
    const auto taken = world_.between(microseconds(100), microseconds(20000));
    busy->later(taken, [busy] { busy->engine().commit_finished(); });
}

void record_cluster::crash(pnn id) {
    if (node(id) == nullptr || nodes_.size() < 3) {
        return;
    }
    std::uint32_t unfinished = 0;
    for (record_client& client : clients_) {
        if (client.node() == id && !client.dead()) {
            client.killed_with_node();
            ++unfinished;
        }
    }
    clients_.remove_if([id](const record_client& c) { return c.node() == id && c.dead(); });
    trace(fmt::format("node {} crashes", id));
    nodes_.erase(id);
    recovery_.member_changed();
    later(world_.between(microseconds(1000), microseconds(60000)), [this, id, unfinished] {
        start_node(id);
        recovery_.request();
        for (std::uint32_t i = 0; i < unfinished; ++i) {
            add_client(id, plan_.operations / 2);
        }
    });
}

void record_cluster::stop(pnn id) {
    record_node* victim = node(id);
    if (victim == nullptr || victim->inactive() || victim->runtime().paused()) {
        return;
    }
    const auto active = std::count_if(nodes_.begin(), nodes_.end(), [](const auto& entry) {
        return !entry.second->inactive();
    });
    if (active < 3) {
        return;
    }
    victim->stop();
    recovery_.member_changed();
    later(
        world_.between(microseconds(1000), microseconds(60000)),
        [this, id, life = victim->life()] {
            record_node* same = node(id);
            if (same != nullptr && same->life() == life) {
                same->go_on();
                recovery_.member_changed();
            }
        }
    );
}

// ---- the run ----

bool record_cluster::work_done() const {
    return troubles_left_ == 0 && recovery_.idle() &&
           std::none_of(jobs_.begin(), jobs_.end(), [](const auto& job) { return job.armed(); }) &&
           std::all_of(clients_.begin(), clients_.end(), [](const record_client& c) {
               return c.done();
           });
}

run_result record_cluster::run() {
    const auto end = world_.now() + time_max;
    while (!model_.failure() && !work_done()) {
        if (world_.steps() > steps_max || !world_.step(end)) {
            std::string stuck = "I9: the work does not get done";
            for (const record_client& client : clients_) {
                stuck += client.done() ? "" : "; " + client.describe();
            }
            for (const auto& [id, node] : nodes_) {
                stuck += "; " + node->describe();
            }
            model_.fail(stuck + (recovery_.idle() ? "" : "; a recovery runs"));
        }
        check_event();
    }
    const auto rested = world_.now() + rest;
    while (!model_.failure() && world_.step(rested)) {
        check_event();
    }
    if (!model_.failure()) {
        check_quiescent();
    }
    run_result result;
    result.failure = model_.failure();
    result.steps = world_.steps();
    result.recoveries = recovery_.completed();
    result.requested = requested_;
    result.increments = model_.increments;
    return result;
}

void record_cluster::check_event() {
    model_.check_changed([this](byte_view key) { return copies(key); });
    for (const auto& [id, node] : nodes_) {
        if (node->engine().locks_held() != 0 || node->store().locks_held() != 0) {
            model_.fail(fmt::format("I11: node {} keeps a lock", id));
        }
    }
    if (plan_.kind == weather::calm && requested_ > 0) {
        model_.fail("an engine wants a recovery on a calm day: " + last_reason_);
    }
}

void record_cluster::check_quiescent() {
    for (const auto& [id, node] : nodes_) {
        const ctdbd::record_engine& engine = node->engine();
        if (engine.pending_calls() != 0 || engine.parked() != 0) {
            model_.fail(fmt::format(
                "I9: at rest node {} has {} calls pending, {} requests parked",
                id,
                engine.pending_calls(),
                engine.parked()
            ));
        }
    }
    if (network_.in_flight() != 0) {
        model_.fail("packets under way at rest");
    }
    if (plan_.kind == weather::silence) {
        return; // records that were lost and that nobody asked for since are not yet noticed
    }
    for (const bytes& key : model_.keys()) {
        check_key_at_rest(key);
    }
}

// I5 (which contains I4's "no cycles"): the lmaster names the dmaster, or there is no record.
void record_cluster::check_key_at_rest(byte_view key) {
    const auto all = copies(key);
    const auto holder = std::find_if(all.begin(), all.end(), [](const copy& c) {
        return c.header.dmaster == c.node;
    });
    if (holder == all.end()) {
        if (model_.at(key).current().stamp != 0) {
            model_.fail(fmt::format("I5: nobody owns '{}'", text_of(key)));
        }
        return;
    }
    if (holder->value != model_.at(key).current()) {
        model_.fail(fmt::format("I6: '{}' ends with an old value", text_of(key)));
    }
    const auto lmaster = recovery_.lmaster_of(key);
    const auto directory =
        std::find_if(all.begin(), all.end(), [&](const copy& c) { return c.node == lmaster; });
    if (directory == all.end() || directory->header.dmaster != holder->node) {
        model_.fail(fmt::format(
            "I5: '{}' belongs to node {}, its lmaster {} does not know",
            text_of(key),
            holder->node,
            lmaster
        ));
    }
}

} // namespace ctdb::simulation
