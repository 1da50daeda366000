#include "connection.hpp"

#include "common/base/log.hpp"
#include "json.hpp"
#include "nodes_list.hpp"
#include "text.hpp"

#include <cstdio>
#include <cstdlib>

namespace ctdb::tool {

namespace {

// The connection ends while a command waits: nothing it could say would be truer than this.
void connection_ended(context& ctx) {
    ctx.ended = true;
    if (ctx.expects_end) {
        return;
    }
    log_notice("connection to daemon closed, exiting");
    if (ctx.json() && !ctx.answered) {
        ctx.said.add({trouble::daemon_unreachable, EPIPE, ctx.self}, "connection to daemon closed");
        ctx.answer = nullptr; // the last word of the run, whoever collects
        print_json(ctx, json_error(ctx.said, 1));
    }
    std::fflush(stdout);
    std::exit(1);
}

bool is_about_permission(int code) {
    return code == EACCES || code == EPERM;
}

} // namespace

async::task<outcome<>> connect(context& ctx) {
    const std::string socket = ctx.where.socket("ctdbd");
    auto on_end = [&ctx](const sock::stream_end&) { connection_ended(ctx); };
    auto made = co_await client::client::connect(
        ctx.loop, socket, async::time_point::max(), std::move(on_end)
    );
    if (!made) {
        const int code = made.error().code;
        complaint what;
        what.kind = is_about_permission(code) ? trouble::permission : trouble::daemon_unreachable;
        what.errno_value = code;
        ctx.complain_of(what, fmt::format("connect() failed, errno={}", code));
        ctx.complain("Failed to connect to CTDB daemon ({})", socket);
        co_await explain_no_connection(ctx);
        co_return failure();
    }
    ctx.ctdbd = std::move(*made);
    ctx.self = ctx.ctdbd->self();
    ctx.target = ctx.self;
    co_return outcome<>();
}

async::task<outcome<>> choose_target(context& ctx, reach how) {
    if (!ctx.options.node) {
        co_return outcome<>();
    }
    const pnn wanted = *ctx.options.node;
    const auto map = co_await ctx.node_map();
    if (!map) {
        co_return pass(map);
    }
    if (wanted.value >= map->nodes.size()) {
        ctx.complain_of(
            {trouble::no_such_node, 0, wanted}, fmt::format("Node {} does not exist", wanted)
        );
        co_return failure();
    }
    const protocol::node_flags flags = map->nodes[wanted.value].flags;
    if (!protocol::is_connected(flags)) {
        ctx.complain_of(
            {trouble::node_inactive, 0, wanted},
            fmt::format("Node {} has status {}", wanted, flags_text(flags.value))
        );
        co_return failure();
    }
    if (how == reach::own_node && wanted != ctx.self) {
        ctx.complain(trouble::usage, "Node cannot be specified for command {}", ctx.command->name);
        co_return failure();
    }
    ctx.target = wanted;
    co_return outcome<>();
}

} // namespace ctdb::tool
