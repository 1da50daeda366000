// TCP: connections of public addresses, and whether a port is served.
#include "commands.hpp"
#include "common/async/combinators.hpp"
#include "common/base/unique_fd.hpp"
#include "json.hpp"
#include "text.hpp"

#include <iostream>

#include <netinet/in.h>
#include <sys/socket.h>

namespace ctdb::tool {

namespace controls = protocol::controls;

namespace {

std::optional<protocol::sock_addr> endpoint(const context& ctx, std::string_view text) {
    const auto parsed = protocol::parse_ip_port(text);
    if (!parsed) {
        ctx.complain(trouble::usage, "Invalid IP address {}", text);
        return std::nullopt;
    }
    return *parsed;
}

// "SRC DST" lines; empty ones and comments are skipped, the first bad one ends it.
outcome<std::vector<protocol::connection>> read_connections() {
    std::vector<protocol::connection> all;
    std::string line;
    while (std::getline(std::cin, line)) {
        const std::size_t begin = line.find_first_not_of(" \t");
        if (begin == std::string::npos || line[begin] == '#') {
            continue;
        }
        const std::size_t gap = line.find_first_of(" \t", begin);
        const std::size_t second =
            gap == std::string::npos ? gap : line.find_first_not_of(" \t", gap);
        if (second == std::string::npos) {
            return failure(EINVAL);
        }
        const std::size_t end = line.find_last_not_of(" \t\r") + 1;
        const auto src = protocol::parse_ip_port(line.substr(begin, gap - begin));
        const auto dst = protocol::parse_ip_port(line.substr(second, end - second));
        if (!src || !dst) {
            return failure(EINVAL);
        }
        all.push_back({*src, *dst});
    }
    return all;
}

void print_connections(const context& ctx, const protocol::tickle_list& list) {
    if (ctx.json()) {
        json out = json_head(ctx, "gettickles");
        out["address"] = protocol::to_text(list.address);
        out["connections"] = json::array();
        for (const protocol::connection& c : list.connections) {
            json one;
            one["client"] = protocol::to_text(c.src);
            one["client_port"] = c.src.port;
            one["server"] = protocol::to_text(c.dst);
            one["server_port"] = c.dst.port;
            out["connections"].push_back(std::move(one));
        }
        print_json(ctx, out);
        return;
    }
    if (!ctx.options.machine) {
        fmt::print("Connections for IP: {}\n", protocol::to_text(list.address));
        fmt::print("Num connections: {}\n", list.connections.size());
        for (const protocol::connection& c : list.connections) {
            fmt::print(
                "SRC: {}   DST: {}\n",
                protocol::to_text_with_port(c.src),
                protocol::to_text_with_port(c.dst)
            );
        }
        return;
    }
    const std::string& x = ctx.options.separator;
    const std::vector<std::string> header{"Source IP", "Port", "Destiation IP", "Port"};
    fmt::print("{}\n", machine_line(x, header)); // the typing error is upstream 4.17's
    for (const protocol::connection& c : list.connections) {
        const std::vector<std::string> fields{
            protocol::to_text(c.src),
            std::to_string(c.src.port),
            protocol::to_text(c.dst),
            std::to_string(c.dst.port)};
        fmt::print("{}\n", machine_line(x, fields));
    }
}

struct words {
    std::string_view all; // "add"
    std::string_view one; // "register"
};

template <class Control>
async::task<int> change_connections(context& ctx, words say) {
    if (ctx.arguments.size() == 1) {
        co_return ctx.misuse();
    }
    if (ctx.arguments.size() == 2) {
        const auto src = endpoint(ctx, ctx.argument(0));
        const auto dst = src ? endpoint(ctx, ctx.argument(1)) : src;
        if (!dst) {
            co_return 1;
        }
        const protocol::connection c{*src, *dst};
        std::string text = fmt::format("Failed to {} connection", say.one);
        const auto done = co_await order<Control>(ctx, ctx.target, c, std::move(text));
        co_return exit_of(done);
    }
    const auto all = read_connections();
    if (!all) {
        co_return all.error().code;
    }
    std::vector<async::task<outcome<protocol::none>>> asked;
    for (const protocol::connection& c : *all) {
        asked.push_back(ask<Control>(ctx, ctx.target, c));
    }
    const auto answers = co_await async::gather(std::move(asked));
    const auto failed =
        std::count_if(answers.begin(), answers.end(), [](const auto& a) { return !a.has_value(); });
    if (failed > 0) {
        ctx.complain("Failed to {} {} tickles", say.all, failed);
        co_return 1;
    }
    co_return 0;
}

} // namespace

run gettickles(context& ctx) {
    const auto address = protocol::parse_ip(ctx.argument(0));
    if (!address) {
        ctx.complain(trouble::usage, "Invalid IP address {}", ctx.argument(0));
        co_return 1;
    }
    std::optional<std::uint32_t> port;
    if (ctx.arguments.size() > 1) {
        port = lenient_u32(ctx.argument(1));
        if (!port) {
            co_return EINVAL;
        }
    }
    auto list = co_await ask<controls::get_tcp_tickle_list>(ctx, ctx.target, *address);
    if (!list) {
        ctx.complain("Failed to get list of connections");
        co_return list.error().code;
    }
    if (port) {
        std::erase_if(list->connections, [&port](const protocol::connection& c) {
            return c.dst.port != *port;
        });
    }
    list->address = *address;
    print_connections(ctx, *list);
    co_return 0;
}

run addtickle(context& ctx) {
    const words say{"add", "register"};
    co_return co_await change_connections<controls::tcp_add_delayed_update>(ctx, say);
}

run deltickle(context& ctx) {
    const words say{"remove", "unregister"};
    co_return co_await change_connections<controls::tcp_remove>(ctx, say);
}

// 98, EADDRINUSE, is what scripts hope for: somebody listens.
run checktcpport(context& ctx) {
    const auto port = static_cast<std::uint16_t>(std::strtol(ctx.argument(0).c_str(), nullptr, 10));
    const unique_fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd) {
        const int code = errno;
        ctx.complain("Failed to open local socket");
        co_return code;
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    const auto* any = reinterpret_cast<const sockaddr*>(&address);
    if (::bind(fd.get(), any, sizeof(address)) != 0) {
        const int code = errno;
        ctx.complain("Failed to bind to TCP port {}", port);
        co_return code;
    }
    co_return 0;
}

} // namespace ctdb::tool
