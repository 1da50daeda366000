// cluster_node: one life of one simulated node: a whole ctdbd::node behind simulated doors, brought
// up as the daemon does it. Destroying it is kill -9: what is on its memory_disk stays.
#pragma once

#include "ctdbd/node.hpp"
#include "tests/simulation/leadership/sim_lock.hpp"
#include "tests/simulation/support/memory_store.hpp"
#include "tests/simulation/support/sim_network.hpp"

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace ctdb::simulation {

// What a node needs of the world around it; everything outlives it.
struct node_surroundings {
    sim_world& world;
    sim_network& network;
    lock_arbiter* arbiter = nullptr; // none: no cluster lock
    std::size_t nodes = 3;
    std::chrono::milliseconds leader_timeout{1000};
    std::function<void(pnn self, pnn peer)> close_link;
    std::function<void(pnn self, const std::string& why)> wants_to_leave;
};

class cluster_node final : public network_port,
                           private ctdbd::peer_links,
                           private ctdbd::node_host {
public:
    cluster_node(const node_surroundings& around, pnn self, std::uint64_t life, memory_disk& disk);
    ~cluster_node() override;

    [[nodiscard]] pnn self() const noexcept { return self_; }
    [[nodiscard]] std::uint64_t life() const noexcept { return life_; }
    [[nodiscard]] sim_runtime& runtime() noexcept { return runtime_; }
    [[nodiscard]] ctdbd::node& daemon() noexcept { return *node_; }
    [[nodiscard]] const sim_lock* lock() const noexcept { return lock_.get(); }
    [[nodiscard]] bool inactive() const { return is_inactive(node_->table().own_flags()); }
    // The file that a client opens; null: not attached here.
    [[nodiscard]] std::shared_ptr<memory_file> file(const std::string& name) const {
        return files_.file(name);
    }
    // The recovery that its copy of a persistent database goes back to; 0: not known.
    [[nodiscard]] std::uint64_t birth_of(const std::string& name) const;
    [[nodiscard]] std::string describe();

    // What arrives on the socket of a client; the daemon reads it in its own time.
    void client_sends(client_id client, bytes packet);
    void client_closes(client_id client);

    // network_port
    void deliver(pnn from, byte_view packet) override;
    void connection_made(pnn to) override;
    void connection_lost(pnn to) override;

private:
    // peer_links
    void send(pnn to, bytes packet) override;
    void fail(pnn peer, std::string why) override;
    [[nodiscard]] std::size_t queued_bytes(pnn /*to*/) const override { return 0; }
    // node_host
    [[nodiscard]] protocol::time_value wall_clock() const override;
    [[nodiscard]] std::int32_t process_id() const override;
    [[nodiscard]] bool process_alive(std::int32_t /*pid*/) const override { return true; }
    [[nodiscard]] async::task<result<int>> run_event(ctdbd::cluster_event event) override;
    [[nodiscard]] async::task<result<std::vector<ctdbd::listed_node>>> read_nodes() override;
    [[nodiscard]] async::task<result<>> cluster_lock_is_taken() override;
    void set_log_level(std::int32_t /*level*/) override {}
    [[nodiscard]] std::int32_t log_level() const override { return 0; }
    [[nodiscard]] std::string memory_report() const override { return {}; }
    [[nodiscard]] std::uint32_t memory_used() const override { return 0; }
    void shut_down(int exit_code, const std::string& reason) override;

    [[nodiscard]] ctdbd::node_settings settings() const;
    async::task<> come_up();
    void read_clients();

    node_surroundings around_;
    const pnn self_;
    const std::uint64_t life_;
    sim_runtime runtime_;
    memory_store_factory files_;
    std::unique_ptr<sim_lock> lock_;
    std::unique_ptr<ctdbd::node> node_;
    std::deque<std::function<void()>> inbox_;
    async::deferred reading_;
    async::task_set tasks_;
};

[[nodiscard]] std::vector<ctdbd::listed_node> nodes_list(std::size_t nodes);

} // namespace ctdb::simulation
