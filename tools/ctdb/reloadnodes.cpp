// reloadnodes: the nodes lists of all nodes are compared, then all read theirs anew (cli.md 3.3).
#include "commands.hpp"
#include "common/async/combinators.hpp"
#include "context.hpp"

#include <set>

namespace ctdb::tool {

namespace controls = protocol::controls;
using protocol::node_and_flags;
using protocol::node_flag;
using protocol::node_map;

namespace {

bool same_list(const node_map& a, const node_map& b) {
    return std::equal(
        a.nodes.begin(),
        a.nodes.end(),
        b.nodes.begin(),
        b.nodes.end(),
        [](const node_and_flags& x, const node_and_flags& y) {
            return x.pnn == y.pnn && x.flags == y.flags && protocol::same_ip(x.address, y.address);
        }
    );
}

bool deleted(const node_and_flags& node) {
    return node.flags.has(node_flag::deleted);
}

async::task<outcome<node_map>> common_list(context& ctx, const node_map& current) {
    auto ours = co_await ask<controls::get_nodes_file>(ctx, ctx.self);
    if (!ours) {
        ctx.complain("ERROR: Failed to get nodes file from node {}", ctx.self);
        co_return pass(ours);
    }
    for (const node_and_flags& node : current.nodes) {
        if (!protocol::is_connected(node.flags) || node.pnn == ctx.self) {
            continue;
        }
        const auto theirs = co_await ask<controls::get_nodes_file>(ctx, node.pnn);
        if (!theirs) {
            ctx.complain("ERROR: Failed to get nodes file from node {}", node.pnn);
            co_return pass(theirs);
        }
        if (!same_list(*ours, *theirs)) {
            ctx.complain(
                "ERROR: Nodes file on node {} differs from current node ({})", node.pnn, ctx.self
            );
            co_return failure();
        }
    }
    co_return std::move(*ours);
}

struct findings {
    bool refused = false;
    bool changed = false;
};

void compare_known(
    const context& ctx, const node_and_flags& was, const node_and_flags& now, findings& found
) {
    if (deleted(was) && deleted(now)) {
        return;
    }
    if (deleted(now)) {
        ctx.tell(fmt::format("Node {} is DELETED", was.pnn));
        found.changed = true;
        if (protocol::is_connected(was.flags)) {
            ctx.complain("ERROR: Node {} is still connected", was.pnn);
            found.refused = true;
        }
        return;
    }
    if (deleted(was)) {
        ctx.tell(fmt::format("Node {} is UNDELETED", was.pnn));
        found.changed = true;
        return;
    }
    if (!protocol::same_ip(was.address, now.address)) {
        ctx.complain(
            "Node {} has changed IP address (was {}, now {})",
            was.pnn,
            protocol::to_text(was.address),
            protocol::to_text(now.address)
        );
        found.refused = true;
        return;
    }
    if (!protocol::is_connected(was.flags)) {
        ctx.complain("WARNING: Node {} is disconnected. You MUST fix this node manually!", was.pnn);
    }
}

findings compare(const context& ctx, const node_map& current, const node_map& wanted) {
    findings found;
    for (std::size_t i = 0; i < current.nodes.size(); ++i) {
        const node_and_flags& was = current.nodes[i];
        if (i < wanted.nodes.size()) {
            compare_known(ctx, was, wanted.nodes[i], found);
        } else {
            ctx.complain(
                "Node {} ({}) missing from nodes file", was.pnn, protocol::to_text(was.address)
            );
            found.refused = true;
        }
    }
    for (std::size_t i = current.nodes.size(); i < wanted.nodes.size(); ++i) {
        if (!deleted(wanted.nodes[i])) {
            ctx.tell(fmt::format("Node {} is NEW", wanted.nodes[i].pnn));
        }
        found.changed = true;
    }
    return found;
}

// Every connected node has to say that it agrees, within the time limit.
async::task<outcome<>>
disable_recoveries(context& ctx, std::vector<pnn> nodes, std::uint32_t seconds) {
    protocol::disable_message order;
    order.pnn = ctx.self;
    order.srvid = ctx.next_answer_address();
    order.seconds = seconds;
    std::set<std::uint32_t> missing;
    for (const pnn node : nodes) {
        missing.insert(node.value);
    }
    async::slot<bool> all(ctx.loop);
    auto heard = [&missing, &all](byte_view data) {
        const auto answer = protocol::decode<std::int32_t>(data);
        if (!answer || *answer < 0) {
            all.set(false);
            return;
        }
        missing.erase(static_cast<std::uint32_t>(*answer));
        if (missing.empty()) {
            all.set(true);
        }
    };
    const auto kept = ctx.ctdbd->subscribe(order.srvid, heard);
    const bytes packed = protocol::encode(order);
    for (const pnn node : nodes) {
        ctx.ctdbd->message(node, protocol::srvids::disable_recoveries, packed);
    }
    bool late = false;
    async::timer limit(ctx.loop, [&late, &all] {
        late = true;
        all.set(false);
    });
    limit.arm(ctx.deadline());
    const bool agreed = co_await all.take();
    if (!agreed) {
        if (late) {
            ctx.complain("Timed out waiting to disable recoveries");
        }
        ctx.complain("Failed to disable recoveries");
        co_return failure();
    }
    co_return outcome<>();
}

async::task<bool> reload_all(context& ctx, std::vector<pnn> nodes) {
    std::vector<async::task<outcome<protocol::none>>> asked;
    for (const pnn node : nodes) {
        asked.push_back(ask<controls::reload_nodes_file>(ctx, node));
    }
    const auto answers = co_await async::gather(std::move(asked));
    bool well = true;
    for (std::size_t i = 0; i < answers.size(); ++i) {
        if (!answers[i]) {
            ctx.complain("Node {} failed to reload nodes", nodes[i]);
            well = false;
        }
    }
    if (!well) {
        ctx.complain("You MUST fix failed nodes manually!");
    }
    co_return well;
}

} // namespace

run reloadnodes(context& ctx) {
    const auto current = co_await ctx.node_map();
    if (!current) {
        co_return current.error().code;
    }
    const auto wanted = co_await common_list(ctx, *current);
    if (!wanted) {
        co_return wanted.error().code;
    }
    const findings found = compare(ctx, *current, *wanted);
    if (found.refused) {
        ctx.complain("ERROR: Nodes will not be reloaded due to previous error");
        co_return 1;
    }
    if (!found.changed) {
        ctx.complain("No change in nodes file, skipping unnecessary reload");
        co_return 0;
    }
    const auto connected = co_await ctx.nodes_where(protocol::is_connected);
    if (!connected) {
        co_return connected.error().code;
    }
    const auto time = static_cast<std::uint32_t>(2 * ctx.options.timelimit.count());
    const auto disabled = co_await disable_recoveries(ctx, *connected, time);
    if (!disabled) {
        co_return disabled.error().code;
    }
    const bool well = co_await reload_all(ctx, *connected);
    const auto enabled = co_await disable_recoveries(ctx, *connected, 0);
    co_return well&& enabled ? 0 : 1;
}

} // namespace ctdb::tool
