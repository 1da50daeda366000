// The node table: status, nodestatus, listnodes.
#include "commands.hpp"
#include "common/async/combinators.hpp"
#include "json.hpp"
#include "nodes_list.hpp"
#include "status_details.hpp"
#include "text.hpp"

#include <algorithm>

namespace ctdb::tool {

namespace controls = protocol::controls;
using protocol::node_flag;

namespace {

struct shown_node {
    ctdb::pnn pnn;
    std::string address;
    std::uint32_t flags = 0; // may contain unknown_flag
    bool partially_online = false;
    bool this_node = false;
    [[nodiscard]] bool deleted() const { return (flags & 0x10U) != 0; }
};

const std::vector<std::string> table_header{
    "Node",
    "IP",
    "Disconnected",
    "Unknown",
    "Banned",
    "Disabled",
    "Unhealthy",
    "Stopped",
    "Inactive",
    "PartiallyOnline",
    "ThisNode"};

std::string bit(std::uint32_t flags, std::uint32_t mask) {
    return (flags & mask) != 0 ? "1" : "0";
}

std::string table_row(const shown_node& n, std::string_view separator) {
    const std::vector<std::string> fields{
        fmt::to_string(n.pnn.value),
        n.address,
        bit(n.flags, 0x01),
        bit(n.flags, unknown_flag),
        bit(n.flags, 0x08),
        bit(n.flags, 0x04),
        bit(n.flags, 0x02),
        bit(n.flags, 0x20),
        bit(n.flags, protocol::inactive_mask.value),
        n.partially_online ? "1" : "0",
        n.this_node ? "Y" : "N"};
    return machine_line(separator, fields);
}

std::string human_row(const shown_node& n) {
    return fmt::format(
        "pnn:{} {:<16} {}{}",
        n.pnn,
        n.address,
        n.partially_online ? "PARTIALLYONLINE" : flags_text(n.flags),
        n.this_node ? " (THIS NODE)" : ""
    );
}

json node_json(const shown_node& n) {
    const auto has = [&n](std::uint32_t mask) { return (n.flags & mask) != 0; };
    json out;
    out["pnn"] = n.pnn.value;
    out["address"] = n.address;
    out["partially_online"] = n.partially_online;
    out["flags_raw"] = n.flags;
    out["flags_ok"] = n.flags == 0;
    json& flags = out["flags"];
    flags["disconnected"] = has(0x01);
    flags["unknown"] = has(unknown_flag);
    flags["disabled"] = has(0x04);
    flags["banned"] = has(0x08);
    flags["unhealthy"] = has(0x02);
    flags["deleted"] = has(0x10);
    flags["stopped"] = has(0x20);
    flags["inactive"] = has(protocol::inactive_mask.value);
    out["this_node"] = n.this_node;
    return out;
}

json nodes_json(const std::vector<shown_node>& nodes) {
    json out = json::object();
    for (const shown_node& n : nodes) {
        if (!n.deleted()) {
            out[fmt::to_string(n.pnn.value)] = node_json(n);
        }
    }
    return out;
}

// True if an interface of the node is down. A node that does not answer counts as fine, with the
// line that ask() prints.
async::task<bool> partially_online(context& ctx, pnn node) {
    const auto list = co_await ask<controls::get_ifaces>(ctx, node);
    if (!list) {
        co_return false;
    }
    co_return std::any_of(list->ifaces.begin(), list->ifaces.end(), [](const auto& i) {
        return i.link_state == 0;
    });
}

async::task<void> mark_partially_online(context& ctx, std::vector<shown_node>& nodes) {
    std::vector<async::task<bool>> asked;
    std::vector<shown_node*> about;
    for (shown_node& n : nodes) {
        if (n.flags == 0) {
            asked.push_back(partially_online(ctx, n.pnn));
            about.push_back(&n);
        }
    }
    const std::vector<bool> answers = co_await async::gather(std::move(asked));
    for (std::size_t i = 0; i < about.size(); ++i) {
        about[i]->partially_online = answers[i];
    }
}

// While the asked node starts, it does not know the flags of the others.
std::vector<shown_node>
shown_nodes(const context& ctx, const protocol::node_map& map, protocol::run_state state) {
    std::vector<shown_node> out;
    for (const auto& node : map.nodes) {
        shown_node n;
        n.pnn = node.pnn;
        n.address = protocol::to_text(node.address);
        n.flags = node.flags.value;
        n.this_node = node.pnn == ctx.target;
        const bool certain = node.flags.has_any(node_flag::disconnected | node_flag::deleted);
        if (state <= protocol::run_state::first_recovery && !n.this_node && !certain) {
            n.flags = unknown_flag;
        }
        out.push_back(std::move(n));
    }
    return out;
}

async::task<outcome<std::vector<shown_node>>> all_nodes(context& ctx) {
    const auto state = co_await ask<controls::get_run_state>(ctx, ctx.target);
    if (!state) {
        co_return pass(state);
    }
    const auto map = co_await ctx.node_map();
    if (!map) {
        co_return pass(map);
    }
    co_return shown_nodes(ctx, *map, *state);
}

void print_machine(const context& ctx, const std::vector<shown_node>& nodes) {
    fmt::print("{}\n", machine_line(ctx.options.separator, table_header));
    for (const shown_node& n : nodes) {
        if (!n.deleted()) {
            fmt::print("{}\n", table_row(n, ctx.options.separator));
        }
    }
}

void print_human(const std::vector<shown_node>& nodes) {
    for (const shown_node& n : nodes) {
        if (!n.deleted()) {
            fmt::print("{}\n", human_row(n));
        }
    }
}

void print_count(const std::vector<shown_node>& nodes) {
    const auto gone =
        std::count_if(nodes.begin(), nodes.end(), [](const auto& n) { return n.deleted(); });
    fmt::print("Number of nodes:{}", nodes.size());
    if (gone > 0) {
        fmt::print(" (including {} deleted nodes)", gone);
    }
    fmt::print("\n");
}

struct cluster_state {
    protocol::vnn_map map;
    int recovery_mode = 0;
    pnn leader = unknown_pnn;
};

async::task<outcome<cluster_state>> ask_cluster(context& ctx) {
    ctx.listen_for_leader();
    cluster_state out;
    auto map = co_await ask<controls::get_vnn_map>(ctx, ctx.target);
    if (!map) {
        co_return pass(map);
    }
    out.map = std::move(*map);
    const auto mode = co_await ask<controls::get_recovery_mode>(ctx, ctx.target);
    if (!mode) {
        co_return pass(mode);
    }
    out.recovery_mode = mode->value;
    out.leader = co_await ctx.leader();
    co_return out;
}

void print_cluster(const cluster_state& c) {
    if (c.map.generation == invalid_generation) {
        fmt::print("Generation:INVALID\n");
    } else {
        fmt::print("Generation:{}\n", c.map.generation);
    }
    fmt::print("Size:{}\n", c.map.map.size());
    for (std::size_t i = 0; i < c.map.map.size(); ++i) {
        fmt::print("hash:{} lmaster:{}\n", i, c.map.map[i]);
    }
    fmt::print(
        "Recovery mode:{} ({})\n", c.recovery_mode == 0 ? "NORMAL" : "RECOVERY", c.recovery_mode
    );
    if (c.leader == unknown_pnn) {
        fmt::print("Leader:UNKNOWN\n");
    } else {
        fmt::print("Leader:{}\n", c.leader);
    }
}

std::vector<pnn> connected_of(const std::vector<shown_node>& nodes) {
    std::vector<pnn> connected;
    for (const shown_node& n : nodes) {
        if (protocol::is_connected(protocol::node_flags(n.flags & ~unknown_flag))) {
            connected.push_back(n.pnn);
        }
    }
    return connected;
}

// Exactly upstream's object.
json status_json(const std::vector<shown_node>& nodes, const cluster_state& c) {
    json out;
    json& status = out["node_status"];
    status["node_count"] = nodes.size();
    status["deleted_node_count"] =
        std::count_if(nodes.begin(), nodes.end(), [](const auto& n) { return n.deleted(); });
    status["nodes"] = nodes_json(nodes);
    json& vnn = out["vnn_status"];
    const bool valid = c.map.generation != invalid_generation;
    vnn["generation"] = valid ? json(c.map.generation.value) : json(nullptr);
    vnn["size"] = c.map.map.size();
    vnn["vnn_map"] = json::array();
    for (std::size_t i = 0; i < c.map.map.size(); ++i) {
        json entry;
        entry["hash"] = i;
        entry["lmaster"] = c.map.map[i].value;
        vnn["vnn_map"].push_back(entry);
    }
    out["recovery_mode"] = c.recovery_mode == 0 ? "NORMAL" : "RECOVERY";
    out["recovery_mode_raw"] = c.recovery_mode;
    out["leader"] = c.leader.value;
    return out;
}

} // namespace

run status(context& ctx) {
    if (!ctx.options.machine) {
        ctx.listen_for_leader(); // the answer comes while we ask for the rest
    }
    auto nodes = co_await all_nodes(ctx);
    if (!nodes) {
        co_return nodes.error().code;
    }
    co_await mark_partially_online(ctx, *nodes);
    if (ctx.options.machine) {
        print_machine(ctx, *nodes);
        co_return 0;
    }
    if (!ctx.json()) {
        print_count(*nodes);
        print_human(*nodes);
    }
    const auto cluster = co_await ask_cluster(ctx);
    if (!cluster) {
        co_return cluster.error().code;
    }
    if (!ctx.json()) {
        print_cluster(*cluster);
        co_return 0;
    }
    json out = status_json(*nodes, *cluster);
    if (ctx.options.verbose) {
        co_await add_details(ctx, connected_of(*nodes), cluster->leader, out);
    }
    print_json(ctx, out);
    co_return 0;
}

namespace {

// "all", "0,2", ...: the chosen nodes in the order given.
outcome<std::vector<shown_node>>
choose(const context& ctx, const std::string& list, const std::vector<shown_node>& nodes) {
    std::vector<shown_node> out;
    std::size_t begin = 0;
    while (begin < list.size()) {
        const std::size_t end = std::min(list.find(',', begin), list.size());
        const std::string word = list.substr(begin, end - begin);
        begin = end + 1;
        if (word.empty()) {
            continue;
        }
        const auto number = lenient_u32(word);
        if (!number) {
            ctx.complain(trouble::usage, "Invalid node {}", word);
            return failure();
        }
        if (*number >= nodes.size()) {
            ctx.complain(trouble::no_such_node, "Node {} does not exist", *number);
            return failure();
        }
        out.push_back(nodes[*number]);
    }
    return out;
}

} // namespace

run nodestatus(context& ctx) {
    const bool all = !ctx.arguments.empty() && ctx.argument(0) == "all";
    const auto known = co_await all_nodes(ctx);
    if (!known) {
        co_return known.error().code;
    }
    auto nodes = outcome<std::vector<shown_node>>(*known);
    if (!all) {
        const std::string own = fmt::to_string(ctx.target.value);
        nodes = choose(ctx, ctx.arguments.empty() ? own : ctx.argument(0), *known);
        if (!nodes) {
            co_return nodes.error().code;
        }
    }
    co_await mark_partially_online(ctx, *nodes);
    std::uint32_t together = 0;
    for (const shown_node& n : *nodes) {
        together |= n.deleted() ? 0 : n.flags;
    }
    if (ctx.json()) {
        json out = json_head(ctx, "nodestatus");
        out["nodes"] = nodes_json(*nodes);
        out["flags_or"] = together;
        print_json(ctx, out);
    } else if (ctx.options.machine) {
        print_machine(ctx, *nodes);
    } else {
        if (all) {
            print_count(*nodes);
        }
        print_human(*nodes);
    }
    co_return static_cast<int>(together);
}

// ---- listnodes: from the nodes list, no daemon ----

namespace {

int show_nodes_list(const context& ctx, const std::vector<conf::node_entry>& nodes) {
    json list = json::array();
    for (const conf::node_entry& n : nodes) {
        const std::string address = protocol::to_text(n.address);
        if (ctx.json()) {
            json entry;
            entry["pnn"] = n.pnn.value;
            entry["address"] = n.deleted ? json(nullptr) : json(address);
            entry["deleted"] = n.deleted;
            list.push_back(entry);
        } else if (n.deleted) {
            continue;
        } else if (ctx.options.machine) {
            const std::vector<std::string> fields{fmt::to_string(n.pnn.value), address};
            fmt::print("{}\n", machine_line(ctx.options.separator, fields));
        } else {
            fmt::print("{}\n", address);
        }
    }
    if (ctx.json()) {
        json out = json_head(ctx, "listnodes");
        out["nodes"] = list;
        print_json(ctx, out);
    }
    return 0;
}

} // namespace

run listnodes(context& ctx) {
    const auto nodes = co_await read_nodes_list(ctx);
    if (!nodes) {
        co_return nodes.error().code;
    }
    co_return show_nodes_list(ctx, *nodes);
}

} // namespace ctdb::tool
