// sim_leader_node: one node of the leadership simulation: the real router, node table, own node,
// liveness and leader logic; databases reduced to generation, vnn map and recovery mode.
#pragma once

#include "ctdbd/controls/control_table.hpp"
#include "ctdbd/leadership/leader_logic.hpp"
#include "ctdbd/membership/liveness.hpp"
#include "ctdbd/membership/own_node.hpp"
#include "ctdbd/routing/node_port.hpp"
#include "tests/simulation/leadership/sim_lock.hpp"
#include "tests/simulation/support/sim_network.hpp"

#include <functional>
#include <memory>

namespace ctdb::simulation {

struct leader_node_settings {
    pnn self;
    std::size_t nodes = 3;
    bool ours = true; // announces our capability
    ctdbd::leader_settings leadership;
};

// What a node does to the world around it.
struct leader_node_world {
    sim_world& world;
    sim_network& network;
    lock_arbiter* arbiter = nullptr; // none: no cluster lock
    std::function<void(pnn self, pnn peer)> close_link;
};

class sim_leader_node final : public network_port,
                              private ctdbd::peer_links,
                              private ctdbd::node_directory,
                              private ctdbd::packet_subjects {
public:
    sim_leader_node(const leader_node_world& around, const leader_node_settings& settings);
    ~sim_leader_node() override;

    [[nodiscard]] sim_runtime& runtime() noexcept { return runtime_; }
    [[nodiscard]] ctdbd::leader_logic& leader_logic() noexcept { return *logic_; }
    [[nodiscard]] ctdbd::node_table& table() noexcept { return table_; }
    [[nodiscard]] ctdbd::own_node& own() noexcept { return own_; }
    [[nodiscard]] const ctdbd::epoch& epoch() const noexcept { return epoch_; }
    [[nodiscard]] const sim_lock* lock() const noexcept { return lock_.get(); }
    [[nodiscard]] client::cluster_port& port() noexcept { return port_; }
    void set_leader_capability(bool on);
    void ask_for_recovery(); // `ctdb recover`
    [[nodiscard]] bool fenced() const noexcept { return fenced_; }
    void refuse_maps(bool refuse) noexcept { refuses_maps_ = refuse; } // recoveries fail here
    [[nodiscard]] std::uint32_t maps_refused() const noexcept { return maps_refused_; }

    // network_port
    void deliver(pnn from, byte_view packet) override;
    void connection_made(pnn to) override;
    void connection_lost(pnn to) override;

private:
    // peer_links
    void send(pnn to, bytes packet) override;
    void fail(pnn peer, std::string why) override;
    [[nodiscard]] std::size_t queued_bytes(pnn) const override { return 0; }
    // node_directory
    [[nodiscard]] bool is_known(pnn node) const override { return table_.is_known(node); }
    [[nodiscard]] bool is_connected(pnn node) const override { return table_.is_connected(node); }
    [[nodiscard]] std::vector<pnn> expand(pnn all) const override { return table_.expand(all); }
    [[nodiscard]] bool own_is_banned() const override { return table_.own_is_banned(); }
    // packet_subjects
    void record_packet(const protocol::packet&, byte_view) override {}
    void control(const ctdbd::control_request& request, ctdbd::control_reply reply) override;
    void tunnel(const protocol::packet_header&, const protocol::req_tunnel&) override {}
    void keepalive(pnn, const std::optional<protocol::keepalive>&) override {}

    void serve_controls();
    void tick();
    void set_mode(protocol::recovery_mode mode);
    ctdbd::own_node_hooks own_hooks();
    ctdbd::leader_hooks leader_hooks();
    async::task<ctdbd::recovery_outcome> recover(ctdbd::recovery_order order);

    leader_node_world around_;
    protocol::capabilities capabilities_;
    protocol::tunable_list tunables_;
    sim_runtime runtime_;
    ctdbd::node_table table_;
    ctdbd::epoch epoch_;
    ctdbd::liveness liveness_;
    ctdbd::router router_;
    ctdbd::node_port port_;
    ctdbd::own_node own_;
    ctdbd::control_table controls_;
    std::unique_ptr<sim_lock> lock_;
    std::unique_ptr<ctdbd::leader_logic> logic_;
    async::timer tick_timer_;
    bool fenced_ = false;
    bool refuses_maps_ = false;
    std::uint32_t maps_refused_ = 0;
};

} // namespace ctdb::simulation
