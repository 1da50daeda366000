// leader_cluster: N simulated nodes, the faults that can happen to them, and what must hold after
// every step (README.md: LS1, LS2) and when everything has settled (LS3, LS4).
#pragma once

#include "tests/simulation/leadership/sim_leader_node.hpp"

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace ctdb::simulation {

struct cluster_settings {
    std::size_t nodes = 3;
    bool lock = false;
    bool ours = true; // false: everybody takes the others for upstream nodes
    std::chrono::milliseconds leader_timeout{5000};
    delay_range delays;
    std::uint64_t seed = 1;
};

class leader_cluster {
public:
    explicit leader_cluster(const cluster_settings& settings);

    // Runs until the condition holds; false: not within `limit`, or an invariant broke.
    template <class Condition>
    bool run_until(Condition condition, async::duration limit) {
        const async::time_point until = world_.now() + limit;
        while (!condition()) {
            if (!problem_.empty() || !step(until)) {
                return condition() && problem_.empty();
            }
        }
        return problem_.empty();
    }
    void run_for(async::duration time);

    // Faults.
    void crash(std::size_t node);
    void start(std::size_t node);
    void pause(std::size_t node);
    void resume(std::size_t node);
    void cut(std::size_t a, std::size_t b);
    void heal(std::size_t a, std::size_t b);
    void heal_everything(); // links, crashed and paused nodes, flags
    // A message that a program on `from` sends to everybody.
    void stray(std::size_t from, srvid address, const bytes& data);

    [[nodiscard]] sim_leader_node& at(std::size_t node) { return *nodes_[node]; }
    [[nodiscard]] bool runs(std::size_t node) const; // alive and not paused
    [[nodiscard]] bool alive(std::size_t node) const { return nodes_[node] != nullptr; }
    [[nodiscard]] std::size_t size() const noexcept { return nodes_.size(); }
    [[nodiscard]] sim_world& world() noexcept { return world_; }
    [[nodiscard]] lock_arbiter& arbiter() noexcept { return *arbiter_; }
    // The leader that every running node follows; none: they do not agree.
    [[nodiscard]] std::optional<pnn> common_leader() const;
    // LS3; "" = settled, else what is missing.
    [[nodiscard]] std::string unsettled() const;
    [[nodiscard]] bool settled() const { return unsettled().empty(); }
    [[nodiscard]] std::uint64_t recoveries() const;
    [[nodiscard]] const std::string& problem() const noexcept { return problem_; } // broken: what

private:
    bool step(async::time_point until);
    void check();
    void close_link(pnn self, pnn peer);
    void reconnect();
    [[nodiscard]] static pnn id(std::size_t node) { return pnn{static_cast<std::uint32_t>(node)}; }

    const cluster_settings settings_;
    sim_world world_;
    sim_network network_;
    std::unique_ptr<lock_arbiter> arbiter_;
    sim_runtime own_runtime_; // of the world around the nodes
    async::timer reconnect_;
    std::set<std::pair<std::size_t, std::size_t>> cut_;
    std::vector<std::unique_ptr<sim_leader_node>> nodes_;
    std::string problem_;
    async::time_point second_began_{};
    std::uint64_t steps_before_ = 0;
};

} // namespace ctdb::simulation
