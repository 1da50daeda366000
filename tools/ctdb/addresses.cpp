// Public addresses and interfaces: ip, ipinfo, ifaces.
#include "commands.hpp"
#include "json.hpp"
#include "text.hpp"

#include <algorithm>
#include <map>

#include <fmt/ranges.h>

namespace ctdb::tool {

namespace controls = protocol::controls;

namespace {

struct shown_address {
    protocol::sock_addr address;
    pnn holder = unknown_pnn;
    protocol::public_ip_info info; // asked for only when it is shown
};

std::string holder_text(pnn holder) {
    return holder == unknown_pnn ? "-1" : fmt::to_string(holder.value);
}

std::vector<shown_address> sorted(const protocol::public_ip_list& list) {
    std::vector<shown_address> out;
    for (const protocol::public_ip& ip : list.ips) {
        shown_address a;
        a.address = ip.address;
        a.holder = ip.pnn;
        out.push_back(std::move(a));
    }
    std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
        return a.address < b.address;
    });
    return out;
}

// Every node's own word about what it holds itself.
async::task<outcome<std::vector<shown_address>>> of_all_nodes(context& ctx) {
    const auto is_active = [](protocol::node_flags f) { return !protocol::is_inactive(f); };
    const auto active = co_await ctx.nodes_where(is_active);
    if (!active) {
        co_return pass(active);
    }
    if (active->empty()) {
        co_return failure();
    }
    std::map<protocol::sock_addr, pnn> holders;
    for (const pnn node : *active) {
        const auto list = co_await ask<controls::get_public_ips>(ctx, node);
        if (!list) {
            co_return pass(list);
        }
        for (const protocol::public_ip& ip : list->ips) {
            pnn& holder = holders.try_emplace(ip.address, unknown_pnn).first->second;
            if (ip.pnn == node) {
                holder = node;
            }
        }
    }
    protocol::public_ip_list together;
    for (const auto& [address, holder] : holders) {
        protocol::public_ip ip;
        ip.pnn = holder;
        ip.address = address;
        together.ips.push_back(ip);
    }
    co_return sorted(together);
}

async::task<outcome<std::vector<shown_address>>> of_one_node(context& ctx) {
    const auto list = co_await ask<controls::get_public_ips>(ctx, ctx.target);
    if (!list) {
        co_return pass(list);
    }
    co_return sorted(*list);
}

struct interface_words {
    std::string active;
    std::vector<std::string> available;
    std::vector<std::string> configured;
};

interface_words words_of(const protocol::public_ip_info& info) {
    interface_words out;
    for (std::size_t i = 0; i < info.ifaces.size(); ++i) {
        const protocol::iface& one = info.ifaces[i];
        out.configured.push_back(one.name);
        if (one.link_state != 0) {
            out.available.push_back(one.name);
        }
        if (i == info.active_index) {
            out.active = one.name;
        }
    }
    return out;
}

std::string address_line(const context& ctx, const shown_address& a) {
    const std::string address = protocol::to_text(a.address);
    const interface_words words = words_of(a.info);
    const auto available = fmt::format("{}", fmt::join(words.available, ","));
    const auto configured = fmt::format("{}", fmt::join(words.configured, ","));
    std::vector<std::string> fields{address, holder_text(a.holder)};
    if (ctx.options.machine) {
        if (ctx.options.verbose) {
            fields.insert(fields.end(), {words.active, available, configured});
        }
        return machine_line(ctx.options.separator, fields);
    }
    if (!ctx.options.verbose) {
        return fmt::format("{} {}", fields[0], fields[1]);
    }
    return fmt::format(
        "{} node[{}] active[{}] available[{}] configured[{}]",
        fields[0],
        fields[1],
        words.active,
        available,
        configured
    );
}

json address_json(const context& ctx, const shown_address& a) {
    const interface_words words = words_of(a.info);
    json out;
    out["address"] = protocol::to_text(a.address);
    out["prefix"] = nullptr; // not told by any control
    out["pnn"] = json_node(a.holder);
    out["hosted_here"] = a.holder == ctx.target;
    out["active_interface"] = words.active.empty() ? json(nullptr) : json(words.active);
    out["available_interfaces"] = words.available;
    out["configured_interfaces"] = words.configured;
    out["pending_delete"] = nullptr;
    return out;
}

void print_header(const context& ctx, bool all) {
    if (!ctx.options.machine) {
        if (all) {
            fmt::print("Public IPs on ALL nodes\n");
        } else {
            fmt::print("Public IPs on node {}\n", ctx.target);
        }
        return;
    }
    std::vector<std::string> names{"Public IP", "Node"};
    if (ctx.options.verbose) {
        names.insert(
            names.end(), {"ActiveInterfaces", "AvailableInterfaces", "ConfiguredInterfaces"}
        );
    }
    fmt::print("{}\n", machine_line(ctx.options.separator, names));
}

async::task<outcome<>> add_infos(context& ctx, std::vector<shown_address>& list, bool all) {
    for (shown_address& a : list) {
        pnn asked = ctx.target;
        if (all && a.holder != unknown_pnn) {
            asked = a.holder;
        }
        auto info = co_await ask<controls::get_public_ip_info>(ctx, asked, a.address);
        if (!info) {
            co_return pass(info);
        }
        a.info = std::move(*info);
    }
    co_return outcome<>();
}

void print_addresses(const context& ctx, const std::vector<shown_address>& list, bool all) {
    if (ctx.json()) {
        json out = json_head(ctx, "ip");
        out["addresses"] = json::array();
        for (const shown_address& a : list) {
            out["addresses"].push_back(address_json(ctx, a));
        }
        print_json(ctx, out);
        return;
    }
    print_header(ctx, all);
    for (const shown_address& a : list) {
        fmt::print("{}\n", address_line(ctx, a));
    }
}

} // namespace

run ip(context& ctx) {
    const bool all = !ctx.arguments.empty();
    if (all && ctx.argument(0) != "all") {
        co_return ctx.misuse();
    }
    auto list = outcome<std::vector<shown_address>>();
    if (all) {
        list = co_await of_all_nodes(ctx);
    } else {
        list = co_await of_one_node(ctx);
    }
    if (!list) {
        co_return list.error().code;
    }
    if (ctx.options.verbose || ctx.json()) {
        const auto added = co_await add_infos(ctx, *list, all);
        if (!added) {
            co_return added.error().code;
        }
    }
    print_addresses(ctx, *list, all);
    co_return 0;
}

namespace {

json interfaces_json(const protocol::public_ip_info& info) {
    json list = json::array();
    for (std::size_t i = 0; i < info.ifaces.size(); ++i) {
        json one;
        one["name"] = info.ifaces[i].name;
        one["link_up"] = info.ifaces[i].link_state != 0;
        one["references"] = info.ifaces[i].references;
        one["active"] = i == info.active_index;
        list.push_back(one);
    }
    return list;
}

void print_info(const context& ctx, const protocol::public_ip_info& info) {
    const std::string address = protocol::to_text(info.ip.address);
    if (ctx.json()) {
        json out = json_head(ctx, "ipinfo");
        out["address"] = address;
        out["pnn"] = json_node(info.ip.pnn);
        out["interfaces"] = interfaces_json(info);
        print_json(ctx, out);
        return;
    }
    fmt::print("Public IP[{}] info on node {}\n", address, ctx.target);
    fmt::print("IP:{}\nCurrentNode:{}\n", address, info.ip.pnn);
    fmt::print("NumInterfaces:{}\n", info.ifaces.size());
    for (std::size_t i = 0; i < info.ifaces.size(); ++i) {
        const protocol::iface& one = info.ifaces[i];
        fmt::print(
            "Interface[{}]: Name:{} Link:{} References:{}{}\n",
            i + 1,
            one.name,
            one.link_state != 0 ? "up" : "down",
            one.references,
            i == info.active_index ? " (active)" : ""
        );
    }
}

} // namespace

run ipinfo(context& ctx) {
    const auto address = protocol::parse_ip(ctx.argument(0));
    if (!address) {
        ctx.complain(trouble::usage, "Invalid IP address {}", ctx.argument(0));
        co_return 1;
    }
    const auto info = co_await ask<controls::get_public_ip_info>(ctx, ctx.target, *address);
    if (!info) {
        if (info.error().code < 0) {
            ctx.deny(
                trouble::refused,
                fmt::format("Node {} does not know about IP {}", ctx.target, ctx.argument(0))
            );
        }
        co_return info.error().code;
    }
    print_info(ctx, *info);
    co_return 0;
}

run ifaces(context& ctx) {
    const auto list = co_await ask<controls::get_ifaces>(ctx, ctx.target);
    if (!list) {
        co_return list.error().code;
    }
    if (ctx.json()) {
        protocol::public_ip_info all;
        all.ifaces = list->ifaces;
        json out = json_head(ctx, "ifaces");
        out["interfaces"] = interfaces_json(all);
        print_json(ctx, out);
        co_return 0;
    }
    if (list->ifaces.empty()) {
        fmt::print("No interfaces configured on node {}\n", ctx.target);
        co_return 0;
    }
    if (ctx.options.machine) {
        const std::vector<std::string> names{"Name", "LinkStatus", "References"};
        fmt::print("{}\n", machine_line(ctx.options.separator, names));
    } else {
        fmt::print("Interfaces on node {}\n", ctx.target);
    }
    for (const protocol::iface& one : list->ifaces) {
        const bool up = one.link_state != 0;
        const std::string references = fmt::to_string(one.references);
        if (ctx.options.machine) {
            const std::vector<std::string> fields{one.name, up ? "1" : "0", references};
            fmt::print("{}\n", machine_line(ctx.options.separator, fields));
        } else {
            fmt::print("name:{} link:{} references:{}\n", one.name, up ? "up" : "down", references);
        }
    }
    co_return 0;
}

} // namespace ctdb::tool
