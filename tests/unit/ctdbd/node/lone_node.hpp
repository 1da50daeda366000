// lone_node: a whole ctdbd::node 0 of three, without sockets, that leads nobody and follows nobody.
// Its peers exist only as packets: what a test says for them, and what the node sends them. Time is
// virtual. Not started: no election runs, recovery mode is ACTIVE until a test changes it.
#pragma once

#include "common/async/slot.hpp"
#include "common/protocol/controls.hpp"
#include "ctdbd/node.hpp"
#include "tests/simulation/support/memory_store.hpp"
#include "tests/simulation/support/sim_world.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ctdb::testing {

struct sent_packet {
    pnn to;
    bytes raw;
    [[nodiscard]] protocol::packet decoded() const { return *protocol::decode_packet(raw); }
};

class lone_node final : private ctdbd::peer_links, private ctdbd::node_host {
public:
    static constexpr pnn self{0};
    static constexpr generation epoch{0x2222};

    explicit lone_node(
        std::optional<std::string> cluster_lock = std::nullopt,
        protocol::run_state state = protocol::run_state::running
    )
        : files_(disk_, runtime_) {
        ctdbd::node_settings settings;
        settings.self = self;
        for (std::uint8_t i = 1; i <= 3; ++i) {
            settings.nodes.push_back({protocol::ipv4({10, 0, 0, i}), false});
        }
        settings.cluster_lock = std::move(cluster_lock);
        ctdbd::peer_links& links = *this;
        ctdbd::node_host& host = *this;
        node_ = std::make_unique<ctdbd::node>(
            ctdbd::node_doors{runtime_, links, files_, host, nullptr}, settings
        );
        node_->set_state(state);
    }

    [[nodiscard]] ctdbd::node& daemon() noexcept { return *node_; }
    [[nodiscard]] bool recovering() { return node_->current_epoch().recovering(); }
    void settle() { // everything that is due now
        while (world_.step(world_.now())) {
        }
    }
    void pass(std::chrono::milliseconds time) {
        bool reached = false;
        async::timer at(runtime_, [&reached] { reached = true; });
        at.arm_in(time);
        while (!reached && world_.step()) {
        }
        settle();
    }
    // Peers are connected, the cluster is recovered and this node a member of it.
    void make_member() {
        for (const pnn peer : {pnn{1}, pnn{2}}) {
            node_->link_up(peer);
        }
        settle();
        static_cast<void>(node_->set_vnn_map({epoch, {pnn{0}, pnn{1}, pnn{2}}}));
        static_cast<void>(node_->set_recovery_mode(protocol::recovery_mode::normal));
        settle();
        sent_.clear();
    }

    // ---- as a peer ----
    [[nodiscard]] static protocol::packet_header header(pnn from, reqid id, generation g = epoch) {
        protocol::packet_header h;
        h.generation = g;
        h.destnode = self;
        h.srcnode = from;
        h.reqid = id;
        return h;
    }
    template <class Body>
    void hear(pnn from, reqid id, const Body& body, generation g = epoch) {
        node_->link_packet(from, protocol::encode(header(from, id, g), body));
        settle();
    }
    // Sends the control as a client of that node would; the reply is found with reply_to().
    void
    ask(pnn from,
        reqid id,
        std::uint32_t opcode,
        byte_view data,
        client_id client = client_id{0},
        srvid address = srvid{}) {
        protocol::req_control body;
        body.opcode = opcode;
        body.client_id = client;
        body.srvid = address;
        body.data = data;
        hear(from, id, body);
    }
    template <class Control>
    void ask(pnn from, reqid id, const typename Control::request& request) {
        const bytes data = protocol::encode_request<Control>(request);
        ask(from, id, Control::opcode, data);
    }
    // The status that the peer was answered with; nothing: not yet.
    [[nodiscard]] std::optional<std::int32_t> status_of(pnn peer, reqid id) const {
        for (const sent_packet& sent : sent_) {
            const auto packet = sent.decoded();
            const auto* reply = std::get_if<protocol::reply_control>(&packet.body);
            if (reply != nullptr && sent.to == peer && packet.header.reqid == id) {
                return reply->status;
            }
        }
        return std::nullopt;
    }
    [[nodiscard]] const std::vector<sent_packet>& sent() const noexcept { return sent_; }
    // The request id of the last control of this opcode that the node sent.
    [[nodiscard]] std::optional<reqid> asked(pnn peer, std::uint32_t opcode) const {
        std::optional<reqid> last;
        for (const sent_packet& sent : sent_) {
            const auto packet = sent.decoded();
            const auto* control = std::get_if<protocol::req_control>(&packet.body);
            if (control != nullptr && sent.to == peer && control->opcode == opcode) {
                last = packet.header.reqid;
            }
        }
        return last;
    }

    // ---- as a client of this node ----
    client_id connect_client() {
        class inbox final : public ctdbd::client_link {
        public:
            inbox(std::vector<bytes>& to, const std::size_t& unread) : to_(to), unread_(unread) {}
            void send(bytes packet) override { to_.push_back(std::move(packet)); }
            [[nodiscard]] std::size_t queued_packets() const override { return 0; }
            [[nodiscard]] std::size_t queued_bytes() const override { return unread_; }
            void close(std::string_view) override {}

        private:
            std::vector<bytes>& to_;
            const std::size_t& unread_;
        };
        return node_->clients().connected(
            std::make_unique<inbox>(said_to_clients, unread_by_clients), 4711
        );
    }
    template <class Body>
    void
    client_sends(client_id client, reqid id, const Body& body, pnn to = protocol::current_node) {
        protocol::packet_header h;
        h.destnode = to;
        h.reqid = id;
        node_->clients().packet(client, protocol::encode(h, body));
        settle();
    }
    void attach(const std::string& name, protocol::db_flags kind = {}) {
        ctdbd::asker daemon;
        node_->databases().attach(kind, name, daemon, [](const ctdbd::answer<db_id>&) {});
        settle();
    }

    // ---- the machine ----
    void make_unhealthy(const std::string& name) { disk_.health[name] = "ERROR - corrupt"; }
    std::vector<bytes> said_to_clients;
    std::size_t unread_by_clients = 0; // bytes, each
    std::chrono::seconds events_take{0};
    int lock_tried = 0;
    std::vector<std::string> wants_to_leave;
    // Ends the trial of the cluster lock that is under way.
    void lock_trial_ends(const result<>& outcome) {
        trial_->set(outcome);
        settle();
    }

private:
    void send(pnn to, bytes packet) override { sent_.push_back({to, std::move(packet)}); }
    void fail(pnn peer, std::string why) override { node_->link_down(peer, why, true); }
    [[nodiscard]] std::size_t queued_bytes(pnn /*to*/) const override { return 0; }
    [[nodiscard]] protocol::time_value wall_clock() const override { return {1'700'000'000, 0}; }
    [[nodiscard]] std::int32_t process_id() const override { return 1; }
    [[nodiscard]] bool process_alive(std::int32_t /*pid*/) const override { return true; }
    [[nodiscard]] async::task<result<int>> run_event(ctdbd::cluster_event) override {
        if (events_take.count() > 0) {
            co_await async::sleep_for(runtime_, events_take);
        }
        co_return 0;
    }
    [[nodiscard]] async::task<result<std::vector<ctdbd::listed_node>>> read_nodes() override {
        co_return std::vector<ctdbd::listed_node>{};
    }
    [[nodiscard]] async::task<result<>> cluster_lock_is_taken() override {
        ++lock_tried;
        async::slot<result<>> trial(runtime_);
        trial_ = &trial;
        co_return co_await trial.take();
    }
    void set_log_level(std::int32_t /*level*/) override {}
    [[nodiscard]] std::int32_t log_level() const override { return 0; }
    [[nodiscard]] std::string memory_report() const override { return {}; }
    [[nodiscard]] std::uint32_t memory_used() const override { return 0; }
    void shut_down(int /*exit_code*/, const std::string& reason) override {
        wants_to_leave.push_back(reason);
    }

    simulation::sim_world world_{1};
    simulation::sim_runtime runtime_{world_};
    simulation::memory_disk disk_;
    simulation::memory_store_factory files_;
    async::slot<result<>>* trial_ = nullptr;
    std::vector<sent_packet> sent_;
    std::unique_ptr<ctdbd::node> node_;
};

} // namespace ctdb::testing
