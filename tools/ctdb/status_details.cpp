#include "status_details.hpp"

#include "common/async/combinators.hpp"
#include "text.hpp"
#include "version.hpp"

#include <algorithm>

namespace ctdb::tool {

namespace controls = protocol::controls;

namespace {

struct node_details {
    json run_state;
    json uptime_s;
    json banned_for_s;
    json addresses_hosted;
};

double seconds_between(const protocol::time_value& from, const protocol::time_value& to) {
    return static_cast<double>(to.seconds - from.seconds) +
           static_cast<double>(to.microseconds - from.microseconds) / 1e6;
}

json hosted_by(pnn node, const protocol::public_ip_list& list) {
    json addresses = json::array();
    for (const protocol::public_ip& ip : list.ips) {
        if (ip.pnn == node) {
            addresses.push_back(protocol::to_text(ip.address));
        }
    }
    std::sort(addresses.begin(), addresses.end());
    return addresses;
}

async::task<node_details> details_of(context& ctx, pnn node) {
    node_details out;
    const auto state = co_await ask<controls::get_run_state>(ctx, node);
    if (!state) {
        co_return out; // said by ask(); the rest would not come either
    }
    out.run_state = run_state_name(*state);
    const auto up = co_await ask<controls::get_uptime>(ctx, node);
    if (up) {
        out.uptime_s = seconds_between(up->daemon_start, up->current_time);
    }
    const auto ban = co_await ask<controls::get_ban_state>(ctx, node);
    if (ban && ban->seconds > 0) {
        out.banned_for_s = ban->seconds;
    }
    const auto addresses = co_await ask<controls::get_public_ips>(ctx, node);
    if (addresses) {
        out.addresses_hosted = hosted_by(node, *addresses);
    }
    co_return out;
}

void put(json& node, const node_details& details) {
    node["runstate"] = details.run_state;
    node["uptime_s"] = details.uptime_s;
    node["banned_for_s"] = details.banned_for_s;
    node["addresses_hosted"] = details.addresses_hosted;
}

async::task<json> cluster_json(context& ctx, pnn leader) {
    json out;
    const auto state = co_await ask<controls::get_run_state>(ctx, ctx.target);
    out["runstate"] = state ? json(run_state_name(*state)) : json(nullptr);
    out["leader_known"] = leader != unknown_pnn;
    const auto lock = co_await ask<controls::get_lock_setting>(ctx, ctx.target);
    const bool configured = lock && lock->has_value();
    out["lock"]["configured"] = lock ? json(configured) : json(nullptr);
    out["lock"]["holder"] = configured ? json_node(leader) : json(nullptr); // who leads has it
    out["tool_version"] = release_version;
    co_return out;
}

} // namespace

async::task<void> add_details(context& ctx, std::vector<pnn> connected, pnn leader, json& status) {
    std::vector<async::task<node_details>> asked;
    for (const pnn node : connected) {
        asked.push_back(details_of(ctx, node));
    }
    const std::vector<node_details> answers = co_await async::gather(std::move(asked));
    json& nodes = status["node_status"]["nodes"];
    for (auto& [number, node] : nodes.items()) {
        put(node, node_details{});
    }
    for (std::size_t i = 0; i < connected.size(); ++i) {
        put(nodes[fmt::to_string(connected[i].value)], answers[i]);
    }
    json cluster = co_await cluster_json(ctx, leader);
    status["cluster"] = std::move(cluster);
}

} // namespace ctdb::tool
