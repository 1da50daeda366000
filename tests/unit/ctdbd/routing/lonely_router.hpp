// lonely_router: a router of node 0 with virtual time whose peers exist only as what they send.
#pragma once

#include "ctdbd/routing/router.hpp"
#include "tests/unit/ctdbd/database/test_runtime.hpp"

#include <optional>
#include <string>
#include <vector>

namespace ctdb::testing {

struct no_links final : ctdbd::peer_links {
    void send(pnn /*to*/, bytes /*packet*/) override {}
    void fail(pnn /*peer*/, std::string /*why*/) override {}
    [[nodiscard]] std::size_t queued_bytes(pnn /*to*/) const override { return 0; }
};

struct three_nodes final : ctdbd::node_directory {
    [[nodiscard]] bool is_known(pnn node) const override { return node.value < 3; }
    [[nodiscard]] bool is_connected(pnn node) const override { return node.value < 3; }
    [[nodiscard]] std::vector<pnn> expand(pnn /*broadcast*/) const override {
        return {pnn{0}, pnn{1}, pnn{2}};
    }
    [[nodiscard]] bool own_is_banned() const override { return false; }
};

// What arrived.
struct seen_packets final : ctdbd::packet_subjects {
    void record_packet(const protocol::packet& /*packet*/, byte_view /*raw*/) override {
        ++records;
    }
    void control(
        const ctdbd::control_request& /*request*/,
        std::function<void(client::control_answer)> /*reply*/
    ) override {
        ++controls;
    }
    void tunnel(
        const protocol::packet_header& /*header*/, const protocol::req_tunnel& /*body*/
    ) override {
        ++tunnels;
    }
    void keepalive(pnn from, const std::optional<protocol::keepalive>& body) override {
        keepalives.emplace_back(from, body);
    }
    int records = 0;
    int controls = 0;
    int tunnels = 0;
    std::vector<std::pair<pnn, std::optional<protocol::keepalive>>> keepalives;
};

struct lonely_router {
    test_runtime runtime;
    no_links links;
    three_nodes nodes;
    ctdbd::epoch current;
    seen_packets seen;
    ctdbd::router way{runtime, pnn{0}, links, nodes, current, seen};
};

} // namespace ctdb::testing
