#include "many_nodes.hpp"

#include "common/async/combinators.hpp"
#include "connection.hpp"
#include "json.hpp"
#include "node_list.hpp"
#include "text.hpp"

#include <algorithm>
#include <memory>

namespace ctdb::tool {

namespace {

struct asked_node {
    asked_node(const context& whole, options settings)
        : ctx(whole.loop, whole.where, std::move(settings), whole.arguments) {
        ctx.command = whole.command;
        ctx.answer = &answer;
    }
    context ctx;
    json answer;
};

std::unique_ptr<asked_node> node_of(const context& whole, pnn node) {
    options settings = whole.options;
    settings.nodes.clear();
    settings.node = node;
    return std::make_unique<asked_node>(whole, std::move(settings));
}

async::task<int> run_on_target(context& ctx, const action& what) {
    const auto connected = co_await connect(ctx);
    if (!connected) {
        co_return connected.error().code;
    }
    const auto chosen = co_await choose_target(ctx, what.reach);
    if (!chosen) {
        co_return chosen.error().code;
    }
    co_return co_await what.run(ctx);
}

async::task<int> ask_one(context& ctx, const action& what) {
    const int code = co_await run_on_target(ctx, what);
    complete_json(ctx, code);
    co_return exit_status(code);
}

async::task<outcome<std::vector<pnn>>> wanted_nodes(context& ctx) {
    const auto connected = co_await connect(ctx);
    if (!connected) {
        co_return pass(connected);
    }
    auto map = co_await ctx.node_map();
    if (!map) {
        co_return pass(map);
    }
    cluster_facts facts;
    facts.nodes = std::move(*map);
    facts.self = ctx.self;
    if (names_leader(ctx.options.nodes)) {
        facts.leader = co_await ctx.leader();
    }
    auto nodes = nodes_of(ctx.options.nodes, facts);
    if (!nodes) {
        ctx.complain(trouble::no_such_node, "{}", nodes.error());
        co_return failure();
    }
    co_return std::move(*nodes);
}

} // namespace

async::task<int> ask_many_nodes(context& ctx, const action& what) {
    if (what.reach != reach::any_nodes) {
        ctx.complain(
            trouble::usage, "A list of nodes cannot be given for command {}", ctx.command->name
        );
        co_return 1;
    }
    const auto nodes = co_await wanted_nodes(ctx);
    if (!nodes) {
        co_return nodes.error().code;
    }
    std::vector<std::unique_ptr<asked_node>> all;
    std::vector<async::task<int>> asked;
    for (const pnn node : *nodes) {
        all.push_back(node_of(ctx, node));
        asked.push_back(ask_one(all.back()->ctx, what));
    }
    const std::vector<int> codes = co_await async::gather(std::move(asked));
    json out;
    out["schema"] = fmt::format("ctdb.{}/1", ctx.command->name);
    out["nodes"] = json::object();
    for (const auto& one : all) {
        out["nodes"][fmt::to_string(one->ctx.options.node->value)] = one->answer;
    }
    print_json(ctx, out);
    co_return codes.empty() ? 0 : *std::max_element(codes.begin(), codes.end());
}

} // namespace ctdb::tool
