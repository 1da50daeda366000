// detach: takes volatile databases from all nodes, once nobody may attach them again.
#include "commands.hpp"
#include "find_database.hpp"

namespace ctdb::tool {

namespace controls = protocol::controls;

namespace {

async::task<outcome<>> may_detach_on(context& ctx, protocol::node_and_flags node) {
    if (protocol::is_inactive(node.flags)) {
        ctx.complain(
            trouble::node_inactive,
            "Database cannot be detached on inactive (stopped or banned) node {}",
            node.pnn
        );
        co_return failure();
    }
    protocol::tunable_name wanted;
    wanted.name = "AllowClientDBAttach";
    const auto allowed = co_await ask<controls::get_tunable>(ctx, node.pnn, wanted);
    if (!allowed) {
        ctx.complain("Failed to get tunable AllowClientDBAttach from node {}", node.pnn);
        co_return pass(allowed);
    }
    if (*allowed == 1) {
        ctx.complain(
            trouble::refused,
            "Database access is still active on node {}. Set AllowclientDBAttach=0 on all nodes.",
            node.pnn
        );
        co_return failure();
    }
    co_return outcome<>();
}

async::task<outcome<>> may_detach(context& ctx) {
    const auto mode = co_await ask<controls::get_recovery_mode>(ctx, ctx.self);
    if (!mode) {
        co_return pass(mode);
    }
    if (mode->value != 0) {
        ctx.complain(trouble::refused, "Database cannot be detached when recovery is active");
        co_return failure();
    }
    const auto map = co_await ctx.node_map();
    if (!map) {
        co_return pass(map);
    }
    for (const protocol::node_and_flags& node : map->nodes) {
        if (!protocol::is_connected(node.flags)) {
            continue;
        }
        const auto allowed = co_await may_detach_on(ctx, node);
        if (!allowed) {
            co_return allowed;
        }
    }
    co_return outcome<>();
}

} // namespace

run detach(context& ctx) {
    const auto allowed = co_await may_detach(ctx);
    if (!allowed) {
        co_return allowed.error().code;
    }
    int last = 0;
    for (const std::string& word : ctx.arguments) {
        const auto known = co_await find_database(ctx, word);
        if (!known) {
            continue; // it has said so
        }
        if (!protocol::is_volatile(known->flags)) {
            ctx.complain(trouble::usage, "Only volatile databases can be detached");
            co_return 1;
        }
        std::string failed = fmt::format("Database {} detach failed", known->name);
        const auto done =
            co_await order<controls::db_detach>(ctx, ctx.self, known->id, std::move(failed));
        last = done ? last : done.error().code;
    }
    co_return last;
}

} // namespace ctdb::tool
