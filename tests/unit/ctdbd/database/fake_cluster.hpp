// fake_cluster: several nodes made of the real database classes, one virtual clock, one FIFO for
// every packet, and faults on command.
#pragma once

#include "common/protocol/controls.hpp"
#include "ctdbd/database/commit_service.hpp"
#include "ctdbd/database/database_set.hpp"
#include "ctdbd/database/traverse_service.hpp"
#include "ctdbd/database/vacuum/vacuum_service.hpp"
#include "tests/unit/ctdbd/database/fake_store.hpp"
#include "tests/unit/ctdbd/database/test_runtime.hpp"

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace ctdb::testing {

class fake_cluster;

class fake_node final : public ctdbd::node_context, private client::cluster_port {
public:
    using control_reply = std::function<void(client::control_answer)>;
    fake_node(fake_cluster& cluster, pnn self);
    ~fake_node() override;

    // ---- node_context ----
    [[nodiscard]] client::cluster_port& port() override { return *this; }
    [[nodiscard]] const protocol::vnn_map& vnn_map() const override { return map; }
    [[nodiscard]] protocol::recovery_mode recovery_mode() const override { return mode; }
    [[nodiscard]] protocol::run_state run_state() const override { return state; }
    [[nodiscard]] const protocol::tunable_list& tunables() const override { return tunable_values; }
    [[nodiscard]] bool is_inactive() const override { return protocol::is_inactive(flags); }
    [[nodiscard]] std::vector<pnn> active_nodes() const override;
    [[nodiscard]] std::size_t nodes_without_flags() const override;
    [[nodiscard]] bool all_active_are_ours() const override;
    [[nodiscard]] std::size_t queued_bytes(pnn /*to*/) const override { return queued; }
    [[nodiscard]] std::size_t unread_bytes(ctdb::srvid /*address*/) const override {
        return unread;
    }
    [[nodiscard]] bool is_ours(pnn node) const override;
    void request_recovery(const std::string& reason) override;
    void deliver_traverse(ctdb::srvid address, byte_view data) override;

private:
    fake_cluster& cluster_; // before everything that asks the node while it is being made
    pnn self_;
    std::multimap<srvid, std::function<void(byte_view)>> listeners_; // outlives subscriptions

public:
    // ---- what a test sets and sees ----
    protocol::vnn_map map{invalid_generation, {}};
    protocol::recovery_mode mode = protocol::recovery_mode::active;
    bool refuses_normal_mode = false; // as a node does that could take the cluster lock
    protocol::run_state state = protocol::run_state::running;
    protocol::tunable_list tunable_values;
    protocol::node_flags flags;
    protocol::capabilities capabilities =
        protocol::upstream_capabilities | protocol::capability::ours;
    std::vector<std::string> recoveries_wanted; // reasons
    std::vector<std::pair<srvid, bytes>> delivered;
    std::uint32_t ban_seconds = 0;
    std::size_t queued = 0; // bytes that wait in the link to any node
    std::size_t unread = 0; // bytes that a client has not read
    fake_store_factory files;
    ctdbd::database_set databases;
    ctdbd::commit_service commits;
    ctdbd::traverse_service traverses;
    struct wanted_fetch {
        std::string key;
        reqid id;
    };
    std::vector<wanted_fetch> fetches; // of vacuuming: the test brings the records
    std::size_t fetches_forgotten = 0;
    ctdbd::vacuum_service vacuum;

    void serve(const client::control_call& call, const ctdbd::asker& who, control_reply reply);
    void hear(srvid address, byte_view data);
    [[nodiscard]] std::size_t listeners() const { return listeners_.size(); }
    [[nodiscard]] fake_store& store(const std::string& name) { return files.of(name); }

private:
    class subscription;
    [[nodiscard]] async::runtime& runtime() override;
    [[nodiscard]] pnn self() const override { return self_; }
    [[nodiscard]] async::task<result<client::control_answer>>
    control(client::control_call call, async::time_point deadline) override;
    void control_without_reply(client::control_call call) override;
    void message(pnn to, ctdb::srvid address, byte_view data) override;
    [[nodiscard]] std::unique_ptr<client::message_subscription>
    subscribe(ctdb::srvid address, std::function<void(byte_view data)> handler) override;

    template <class Control, class Handler>
    void on(Handler handler);
    template <class Control, class Handler>
    void on_later(Handler handler);
    void serve_cluster_controls();
    void serve_database_controls();
    void serve_recovery_controls();
    void serve_vacuum_controls();
    [[nodiscard]] ctdbd::vacuum_service::doors vacuum_doors();
    [[nodiscard]] protocol::node_map node_map() const;
    ctdbd::answer<> change_mode(protocol::recovery_mode wanted);

    using control_handler =
        std::function<void(const client::control_call&, const ctdbd::asker&, const control_reply&)>;
    std::map<std::uint32_t, control_handler> handlers_;
};

// What a node answers to a control instead of serving it.
enum class fault { refuses, never_answers };

class fake_cluster {
public:
    explicit fake_cluster(std::uint32_t nodes);
    ~fake_cluster();

    test_runtime rt;
    std::vector<std::unique_ptr<fake_node>> nodes;
    [[nodiscard]] fake_node& operator[](std::size_t i) { return *nodes[i]; }

    // The next `times` of this control at this node fail.
    void inject(pnn node, std::uint32_t opcode, fault what, int times);
    // The node serves this control and says something else from now on.
    void falsify(pnn node, std::uint32_t opcode, bytes answer);
    void tell_truth(pnn node, std::uint32_t opcode) { lies_.erase({node, opcode}); }
    void disconnect(pnn node); // controls to it end with ENOTCONN, messages are lost
    [[nodiscard]] bool connected(pnn node) const { return !disconnected_.contains(node); }
    // One line per control served: "2 DB_FREEZE".
    std::vector<std::string> trace;
    std::map<std::uint32_t, bytes> last_payload; // by opcode
    [[nodiscard]] std::ptrdiff_t last_in_trace(std::string_view line) const;
    [[nodiscard]] std::ptrdiff_t first_in_trace(std::string_view line) const;
    // Nodes attach, get one generation and normal mode, all thawed.
    void make_normal(generation g);

    // ---- for fake_node ----
    void deliver(std::function<void()> packet); // in order, each in a turn of its own
    void send_control(pnn from, const client::control_call& call, fake_node::control_reply reply);
    std::vector<pnn> expand(pnn to) const;

private:
    struct planned_fault {
        fault what;
        int left;
    };
    void serve_at(
        pnn from,
        pnn to,
        const client::control_call& call,
        generation g,
        const fake_node::control_reply& reply
    );
    void carry();
    std::map<std::pair<pnn, std::uint32_t>, planned_fault> faults_;
    std::map<std::pair<pnn, std::uint32_t>, bytes> lies_;
    std::set<pnn> disconnected_;
    std::deque<std::function<void()>> packets_;
    async::deferred carry_;
};

// Of a store that commits at once.
inline ctdbd::answer<> commit_now(ctdbd::database& db, std::uint32_t transaction) {
    ctdbd::answer<> said = ctdbd::refuse("no answer");
    db.commit(transaction, [&said](const ctdbd::answer<>& a) { said = a; });
    return said;
}

} // namespace ctdb::testing
