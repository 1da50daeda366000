// cluster_run: one seed = one cluster of whole nodes, its clients, things that go wrong, healing,
// and what must be true then. Everything follows from the seed.
#pragma once

#include "tests/simulation/cluster/cluster_client.hpp"

#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

namespace ctdb::simulation {

struct run_plan {
    explicit run_plan(std::uint64_t seed);
    std::uint64_t seed;
    std::size_t nodes = 3;
    bool lock = true;
    std::uint32_t clients_per_node = 1;
    std::uint32_t operations = 12; // per client
    unsigned troubles = 6;
    std::chrono::microseconds delay_max{500};
    [[nodiscard]] std::string describe() const;
};

struct run_result {
    std::optional<std::string> failure;
    std::uint64_t steps = 0;
    double virtual_seconds = 0;
    double settled_after_s = 0; // from the healing
    std::uint64_t epochs = 0;
    std::uint64_t increments = 0;
    std::uint64_t removals = 0;
    std::uint64_t transactions = 0;
    std::uint64_t unpromised = 0;
    std::uint64_t lost_records = 0;
    std::uint64_t forgiven = 0; // acknowledged transactions that might go
    std::uint64_t turns_lost = 0;
};

class cluster_run {
public:
    explicit cluster_run(const run_plan& plan);
    ~cluster_run();
    [[nodiscard]] run_result run();
    // When it is and whose turn: "12.345678 node 2".
    [[nodiscard]] std::string moment() const;

private:
    [[nodiscard]] bool step(async::time_point until);
    void start(pnn id);
    void crash(pnn id);
    void resume(pnn id);
    void cut(pnn a, pnn b);
    void split();
    void reconnect();
    void trouble();
    void happens(std::uint64_t what, pnn victim);
    void later(std::chrono::microseconds delay, std::function<void()> what);
    void add_clients(pnn id, std::uint32_t operations);
    void kill_clients(pnn id);
    void one_client_dies();
    void stop(pnn id);
    void ban(pnn id);
    void heal_everything();
    [[nodiscard]] std::string unsettled() const;
    void check_messages();
    [[nodiscard]] cluster_node* node(pnn id);
    [[nodiscard]] pnn id(std::size_t i) const { return pnn{static_cast<std::uint32_t>(i)}; }

    const run_plan plan_;
    sim_world world_;
    sim_network network_;
    sim_runtime runtime_; // clients, trouble
    std::unique_ptr<lock_arbiter> arbiter_;
    std::map<pnn, memory_disk> disks_;
    cluster_model::node_map nodes_;
    cluster_model model_;
    client_surroundings clients_around_;
    std::list<cluster_client> clients_;
    std::set<std::pair<pnn, pnn>> cut_;
    std::uint64_t lives_ = 0;
    std::list<async::timer> jobs_;
    async::timer reconnect_;
    async::timer trouble_;
    unsigned troubles_left_;
    std::uint64_t steps_at_ = 0;
    async::time_point second_;
};

} // namespace ctdb::simulation
