// node: one ctdbd without its sockets - membership, databases, leadership, clients, providers,
// wired together.
//
// Everything outside is a door (node_doors), so that the same object runs in the daemon and, by the
// thousand, in the simulation. The daemon or the simulation brings packets and clients in;
// `lifecycle` takes it through its run states.
#pragma once

#include "common/async/slot.hpp"
#include "common/async/task_set.hpp"
#include "common/protocol/tunables.hpp"
#include "ctdbd/clients/client_hub.hpp"
#include "ctdbd/controls/control_table.hpp"
#include "ctdbd/database/commit_service.hpp"
#include "ctdbd/database/database_set.hpp"
#include "ctdbd/database/node_context.hpp"
#include "ctdbd/database/pushed_records.hpp"
#include "ctdbd/database/record/call_routes.hpp"
#include "ctdbd/database/record/record_engine.hpp"
#include "ctdbd/database/traverse_service.hpp"
#include "ctdbd/database/vacuum/vacuum_service.hpp"
#include "ctdbd/leadership/leader_logic.hpp"
#include "ctdbd/membership/liveness.hpp"
#include "ctdbd/membership/own_node.hpp"
#include "ctdbd/membership/version_rule.hpp"
#include "ctdbd/node_host.hpp"
#include "ctdbd/providers/provider_hub.hpp"
#include "ctdbd/recovery/recovery.hpp"
#include "ctdbd/routing/node_port.hpp"
#include "ctdbd/statistics_history.hpp"

#include <map>
#include <memory>
#include <optional>

namespace ctdb::ctdbd {

struct node_settings {
    pnn self;
    std::vector<listed_node> nodes;
    protocol::capabilities capabilities =
        protocol::upstream_capabilities | protocol::capability::ours;
    protocol::tunable_list tunables;
    start_flag start = start_flag::none;
    version_settings version;
    leader_settings leadership;
    bool persistent_majority = false; // [database] persistent quorum = majority
    std::optional<std::string>
        cluster_lock; // as configured; compared with other nodes' byte for byte
};

struct node_doors {
    async::runtime& runtime;
    peer_links& links;
    store_factory& files;
    node_host& host;
    cluster_lock* lock; // nullptr: no cluster lock configured
};

class node final : private packet_subjects,
                   private client_services,
                   private node_context,
                   private node_directory,
                   private record_outputs,
                   private record_events {
public:
    node(const node_doors& doors, const node_settings& settings);
    ~node() override;

    // ---- what the transport brings ----
    void link_up(pnn peer);
    void link_down(pnn peer, const std::string& why, bool packets_undelivered);
    void link_packet(pnn peer, byte_view packet);

    // ---- parts ----
    [[nodiscard]] client_hub& clients() noexcept { return clients_; }
    [[nodiscard]] provider_hub& providers() noexcept { return providers_; }
    [[nodiscard]] router& routes() noexcept { return router_; }
    [[nodiscard]] client::cluster_port& cluster() noexcept { return port_; }
    [[nodiscard]] node_table& table() noexcept { return table_; }
    [[nodiscard]] const node_table& table() const noexcept { return table_; }
    [[nodiscard]] own_node& own() noexcept { return own_; }
    [[nodiscard]] database_set& databases() noexcept { return databases_; }
    [[nodiscard]] commit_service& commits() noexcept { return commits_; }
    [[nodiscard]] traverse_service& traverses() noexcept { return traverses_; }
    [[nodiscard]] vacuum_service& vacuum() noexcept { return vacuum_; }
    [[nodiscard]] pushed_records& pushed() noexcept { return pushed_; }
    [[nodiscard]] leader_logic& leadership() noexcept { return *leadership_; }
    [[nodiscard]] ctdbd::epoch& current_epoch() noexcept { return epoch_; }
    [[nodiscard]] node_host& host() noexcept { return host_; }
    [[nodiscard]] statistics_history& history() noexcept { return history_; }
    [[nodiscard]] control_table& controls() noexcept { return controls_; }
    [[nodiscard]] async::task_set& background() noexcept { return tasks_; }
    [[nodiscard]] const std::optional<std::string>& lock_setting() const noexcept {
        return settings_.cluster_lock;
    }

    void start(); // leadership, keepalives: run state FIRST_RECOVERY

    // ---- run state and times ----
    [[nodiscard]] protocol::run_state state() const noexcept { return state_; }
    // Only forward (wire 6.8); setting a lower or equal one is ignored.
    void set_state(protocol::run_state next);
    [[nodiscard]] protocol::uptime uptime() const;
    [[nodiscard]] protocol::capabilities capabilities() const noexcept {
        return settings_.capabilities;
    }
    void set_capability(protocol::capability which, bool on);
    [[nodiscard]] protocol::tunable_list& tunable_values() noexcept { return settings_.tunables; }
    void tunables_changed();

    // ---- recovery as this node sees it ----
    void recovery_starts();
    void recovery_ends(); // END_RECOVERY, after its event
    void ask_for_recovery(const std::string& reason) { request_recovery(reason); }
    // SET_RECMODE (cluster.md 4.6).
    answer<> set_recovery_mode(protocol::recovery_mode mode);
    answer<> set_vnn_map(const protocol::vnn_map& map);
    // Rises whenever a leader begins anew: who waits in between looks whether it is still the same.
    [[nodiscard]] std::uint64_t recoveries_begun() const noexcept { return recoveries_begun_; }

    [[nodiscard]] protocol::statistics statistics();
    void reset_statistics();
    [[nodiscard]] async::task<answer<>> reload_nodes();
    // Called when the peers of the transport have to change with the nodes list.
    void on_peers_changed(std::function<void()> listener) { peers_changed_ = std::move(listener); }
    // A tunable was set at run time: for what the node does not own.
    void on_tunables_changed(std::function<void(const protocol::tunable_list&)> listener) {
        tunables_changed_ = std::move(listener);
    }
    // Waits until every provider has acknowledged the last change between active and inactive,
    // `deadline` at most.
    [[nodiscard]] async::task<> activity_acknowledged(async::time_point deadline);
    // Stops sending and answering to peers: part of the shutdown.
    void stop_keepalives();

private:
    // packet_subjects
    void record_packet(const protocol::packet& packet, byte_view raw) override;
    void control(const control_request& request, control_reply reply) override;
    void tunnel(const protocol::packet_header& header, const protocol::req_tunnel& body) override;
    void keepalive(pnn from, const std::optional<protocol::keepalive>& body) override;
    // client_services
    void call(const record_call& call) override;
    [[nodiscard]] bool routed_elsewhere(pnn to) const override;
    void client_ended(client_id client) override;
    void updates_abandoned(client_id client) override;
    [[nodiscard]] std::uint32_t control_timeout_s() const override;
    [[nodiscard]] std::uint32_t max_queue_drop_msg() const override;
    // node_context
    [[nodiscard]] client::cluster_port& port() override { return port_; }
    [[nodiscard]] const protocol::vnn_map& vnn_map() const override { return epoch_.vnn_map(); }
    [[nodiscard]] protocol::recovery_mode recovery_mode() const override { return epoch_.mode(); }
    [[nodiscard]] protocol::run_state run_state() const override { return state_; }
    [[nodiscard]] const protocol::tunable_list& tunables() const override {
        return settings_.tunables;
    }
    [[nodiscard]] bool is_inactive() const override;
    [[nodiscard]] std::vector<pnn> active_nodes() const override;
    [[nodiscard]] std::size_t nodes_without_flags() const override;
    [[nodiscard]] bool all_active_are_ours() const override;
    [[nodiscard]] bool is_ours(pnn which) const override { return table_.is_ours(which); }
    void request_recovery(const std::string& reason) override;
    void deliver_traverse(ctdb::srvid address, byte_view data) override;
    [[nodiscard]] std::size_t queued_bytes(pnn to) const override;
    [[nodiscard]] std::size_t unread_bytes(ctdb::srvid address) const override;
    // node_directory
    [[nodiscard]] bool is_known(pnn which) const override { return table_.is_known(which); }
    [[nodiscard]] bool is_connected(pnn which) const override { return table_.is_connected(which); }
    [[nodiscard]] std::vector<pnn> expand(pnn broadcast) const override {
        return table_.expand(broadcast);
    }
    [[nodiscard]] bool own_is_banned() const override { return table_.own_is_banned(); }
    // record_outputs
    bool send(const protocol::packet_header& header, const protocol::req_call& body) override;
    bool send(const protocol::packet_header& header, const protocol::req_dmaster& body) override;
    bool send(const protocol::packet_header& header, const protocol::reply_dmaster& body) override;
    bool send(const protocol::packet_header& header, const protocol::reply_error& body) override;
    bool send(const protocol::packet_header& header, const protocol::reply_call& body) override;
    bool send_update(pnn to, ctdb::db_id db, std::uint64_t ticket, bytes record_buffer) override;
    void reply_to_client(
        client_id client, reqid id, std::int32_t status, byte_view head, byte_view data
    ) override;
    void
    refuse_client(client_id client, reqid id, std::int32_t status, std::string_view text) override;
    void request_recovery(std::string_view reason) override;
    // record_events
    void call_accepted() override;
    void call_finished(std::chrono::nanoseconds taken) override;
    void call_abandoned() override;
    void hops_seen(std::uint32_t hopcount) override;
    void lock_wait_started() override;
    void lock_wait_finished(std::chrono::nanoseconds waited) override;
    void lock_wait_failed() override;
    void
    deletion_candidate(db_id db, byte_view key, const protocol::record_header& stored) override;
    void not_deletion_candidate(db_id db, byte_view key) override;
    void delegated() override { ++router_.counters().total_ro_delegations; }
    void revoked() override { ++router_.counters().total_ro_revokes; }

    template <class Body>
    bool send_record(const protocol::packet_header& header, const Body& body);
    [[nodiscard]] record_tunables record_tunables_now() const;
    std::unique_ptr<record_engine> make_engine(database& db);
    vacuum_service::doors make_vacuum_doors();
    void database_detached(database& db);
    void database_committed(database& db);
    record_engine* engine_of(db_id id);
    void refuse_unknown_database(const protocol::packet_header& from, db_id id);
    void hold_call(byte_view raw, const protocol::packet_header& header, db_id id);
    void replay_held_calls();
    own_node_hooks make_own_hooks();
    provider_events make_provider_events();
    leader_hooks make_leader_hooks();
    void flags_changed(const flag_change& change);
    void become_inactive(std::string_view reason);
    void become_active(std::string_view reason);
    void publish_node_map();
    void provider_registered(const std::string& name);
    void epoch_changed();
    void tick();
    void arm_tick();
    void send_keepalive(pnn to);
    void report_version(pnn from, std::optional<std::uint32_t> version);
    void end_statistics_slot();
    async::task<> announce_activity(bool active);
    async::task<recovery_outcome> run_recovery();

    // Tells liveness of everything that is sent: a busy link needs no heartbeats.
    class watched_links final : public peer_links {
    public:
        watched_links(peer_links& real, node& owner) : real_(real), owner_(owner) {}
        void send(pnn to, bytes packet) override;
        void fail(pnn peer, std::string why) override { real_.fail(peer, std::move(why)); }
        [[nodiscard]] std::size_t queued_bytes(pnn to) const override {
            return real_.queued_bytes(to);
        }

    private:
        peer_links& real_;
        node& owner_;
    };

    node_settings settings_;
    async::runtime& runtime_;
    watched_links links_;
    node_host& host_;
    node_table table_;
    ctdbd::epoch epoch_;
    liveness liveness_;
    router router_;
    node_port port_;
    call_routes routes_;
    own_node own_;
    version_rule versions_;
    database_set databases_;
    commit_service commits_;
    traverse_service traverses_;
    vacuum_service vacuum_;
    pushed_records pushed_;
    client_hub clients_;
    provider_hub providers_;
    ctdbd::recovery recovery_;
    std::unique_ptr<leader_logic> leadership_;
    control_table controls_;
    statistics_history history_;

    protocol::run_state state_ = protocol::run_state::unknown;
    async::time_point started_;
    protocol::time_value started_at_;
    protocol::time_value recovery_started_at_;
    protocol::time_value recovery_ended_at_;
    bool recovering_told_ = true;
    std::string recovery_wanted_;        // asked for since the map of the recovery under way came
    std::uint64_t recoveries_begun_ = 0; // SET_RECMODE ACTIVE, SETVNNMAP
    std::uint64_t leader_epoch_ = 0;
    std::function<void()> peers_changed_;
    std::function<void(const protocol::tunable_list&)> tunables_changed_;
    // Calls of nodes for a database that is not known here yet.
    struct held_call {
        bytes packet;
        pnn peer;
        protocol::packet_header header;
        db_id database;
        async::time_point until;
    };
    std::vector<held_call> held_calls_;
    std::size_t held_bytes_ = 0;    // of their packets
    std::size_t announcements_ = 0; // activity changes not yet acknowledged by all providers
    bool keepalives_stopped_ = false;
    std::map<pnn, std::optional<std::uint32_t>> versions_reported_;
    node_table::subscription flag_changes_;
    async::timer tick_timer_;
    async::timer held_timer_;
    async::timer slot_timer_;
    async::deferred publish_later_;
    async::notice activity_told_;
    async::task_set tasks_;
};

// Registration of the controls, one file per subject in controls/.
void serve_daemon_controls(control_table& table, node& n);
void serve_cluster_controls(control_table& table, node& n);
void serve_client_controls(control_table& table, node& n);
void serve_database_controls(control_table& table, node& n);

} // namespace ctdb::ctdbd
