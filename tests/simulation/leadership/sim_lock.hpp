// sim_lock: the cluster lock of simulated nodes. The arbiter stands for the lock file together with
// the nodes' lock keepers: it goes on while a node is paused and drops the lock of one that has not
// renewed its lease.
#pragma once

#include "ctdbd/leadership/cluster_lock.hpp"
#include "tests/simulation/support/sim_world.hpp"

#include <deque>
#include <memory>

namespace ctdb::simulation {

class sim_lock;

class lock_arbiter {
public:
    lock_arbiter(sim_world& around, std::chrono::milliseconds lease_time)
        : world(around), runtime(around), lease(lease_time) {}
    [[nodiscard]] bool is_held() const noexcept { return holder != nullptr; }

    sim_world& world;
    sim_runtime runtime; // of the keepers: never paused
    const std::chrono::milliseconds lease;
    sim_lock* holder = nullptr;
    bool file_system_away = false; // every attempt is an error
};

class sim_lock final : public ctdbd::cluster_lock {
public:
    // The arbiter outlives it. `rt` is the node's: what it hears waits while the node is paused.
    sim_lock(lock_arbiter& arbiter, async::runtime& rt);
    ~sim_lock() override;
    void listen(ctdbd::cluster_lock_events events) override { events_ = std::move(events); }
    void take() override;
    void release() override;

    [[nodiscard]] bool holds() const noexcept { return arbiter_.holder == this; }
    // Everything that the keeper has said has been heard.
    [[nodiscard]] bool up_to_date() const noexcept { return said_.empty(); }

private:
    void attempt();
    void let_go();
    void judge_lease();
    void renew();
    void say(std::function<void()> what);
    void hear();

    lock_arbiter& arbiter_;
    async::runtime& runtime_;
    ctdbd::cluster_lock_events events_;
    bool releasing_ = false;
    bool take_again_ = false;
    async::time_point renewed_;
    async::time_point began_;
    std::deque<std::function<void()>> said_;
    async::timer attempt_; // the keeper's
    async::timer release_;
    async::timer lease_;
    async::timer renewal_; // the node's
    async::deferred hear_;
};

} // namespace ctdb::simulation
