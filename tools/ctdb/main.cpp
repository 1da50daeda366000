// ctdb: the administrator's tool. Options, connection, the command, the exit status (cli.md 1).
#include "common/base/log.hpp"
#include "common/cmdline/parse.hpp"
#include "common/path/paths.hpp"
#include "context.hpp"
#include "nodes_list.hpp"
#include "program.hpp"
#include "text.hpp"
#include "watchdog.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace {

using namespace ctdb;
using namespace ctdb::tool;

constexpr std::chrono::seconds default_run_time{120};

// Not in upstream 4.17's table, whose help we print: taken off before.
bool take_json(std::vector<std::string>& words) {
    const auto end = std::find(words.begin(), words.end(), "--");
    const auto gone = std::remove_if(words.begin(), end, [](const auto& w) {
        return w == "--json" || w == "-j";
    });
    const bool found = gone != end;
    words.erase(gone, end);
    return found;
}

tool::options options_of(const cmdline::parsed_options& given, bool json) {
    tool::options o;
    o.json = json;
    o.machine = given.has("machine") || given.has("parsable");
    o.verbose = given.has("verbose");
    o.separator = given.text("separator").value_or("|");
    o.timelimit = std::chrono::seconds(std::max(given.number("timelimit").value_or(10), 0));
    if (const int node = given.number("node").value_or(-1); node != -1) {
        o.node = pnn(static_cast<std::uint32_t>(node));
    }
    return o;
}

// -T, else $CTDB_TIMEOUT, else two minutes; nothing after a bad value.
std::optional<std::chrono::seconds> run_time_of(const cmdline::parsed_options& given) {
    if (const int limit = given.number("maxruntime").value_or(0); limit > 0) {
        return std::chrono::seconds(limit);
    }
    const char* text = std::getenv("CTDB_TIMEOUT");
    if (text == nullptr) {
        return default_run_time;
    }
    const auto limit = lenient_u32(text);
    if (!limit) {
        fmt::print(stderr, "Invalid value CTDB_TIMEOUT\n");
        return std::nullopt;
    }
    return *limit == 0 ? default_run_time : std::chrono::seconds(*limit);
}

// The connection ends while a command waits: nothing it could say would be truer than this.
void connection_ended(context& ctx) {
    ctx.ended = true;
    if (ctx.expects_end) {
        return;
    }
    log_notice("connection to daemon closed, exiting");
    std::fflush(stdout);
    std::exit(1);
}

async::task<outcome<>> connect(context& ctx) {
    const std::string socket = ctx.where.socket("ctdbd");
    auto on_end = [&ctx](const sock::stream_end&) { connection_ended(ctx); };
    auto made = co_await client::client::connect(
        ctx.loop, socket, async::time_point::max(), std::move(on_end)
    );
    if (!made) {
        fmt::print(stderr, "connect() failed, errno={}\n", made.error().code);
        fmt::print(stderr, "Failed to connect to CTDB daemon ({})\n", socket);
        co_await explain_no_connection(ctx.loop, ctx.where);
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
        fmt::print(stderr, "Node {} does not exist\n", wanted);
        co_return failure();
    }
    const protocol::node_flags flags = map->nodes[wanted.value].flags;
    if (!protocol::is_connected(flags)) {
        fmt::print(stderr, "Node {} has status {}\n", wanted, flags_text(flags.value));
        co_return failure();
    }
    if (how == reach::own_node && wanted != ctx.self) {
        fmt::print(stderr, "Node cannot be specified for command {}\n", ctx.command->name);
        co_return failure();
    }
    ctx.target = wanted;
    co_return outcome<>();
}

async::task<int> run_command(context& ctx, const action& what) {
    if (what.reach == reach::local && ctx.options.node) {
        fmt::print(stderr, "Cannot specify node for command {}\n", ctx.command->name);
        co_return 1;
    }
    if (what.run == nullptr) {
        fmt::print(stderr, "Command '{}' is not implemented yet\n", ctx.command->name);
        co_return 1;
    }
    if (what.reach != reach::local) {
        const auto connected = co_await connect(ctx);
        if (!connected) {
            co_return connected.error().code;
        }
        const auto chosen = co_await choose_target(ctx, what.reach);
        if (!chosen) {
            co_return chosen.error().code;
        }
    }
    co_return co_await what.run(ctx);
}

// -1 becomes 1, everything else is cut to eight bits.
int exit_status(int code) {
    return code == -1 ? 1 : code & 0xFF;
}

void set_log_level_of(const cmdline::parsed_options& given) {
    const auto level = parse_log_level(given.text("debug").value_or("ERROR"));
    set_log_level(level.value_or(log_level::error));
}

} // namespace

int main(int argc, char** argv) {
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    std::vector<std::string> words = cmdline::arguments_of(argc, argv);
    const bool json = take_json(words);
    const auto asked = cmdline::interpret(table(), words);
    if (!asked) {
        return cmdline::leave(asked.error());
    }
    set_log_level_of(asked->options);
    const auto limit = run_time_of(asked->options);
    if (!limit) {
        return 1;
    }
    tool::options options = options_of(asked->options, json);
    if (options.json && options.machine) {
        fmt::print(stderr, "--json and -Y options are mutually exclusive\n");
        return 1;
    }
    const path::paths where = path::process_paths();
    start_watchdog(*limit);
    async::event_loop loop;
    context ctx(loop, where, std::move(options), asked->arguments);
    ctx.command = asked->chosen;
    const int code = loop.run_until_done(run_command(ctx, action_of(asked->chosen->name)));
    return std::fflush(stdout) == 0 ? exit_status(code) : 1;
}
