// ctdb: the administrator's tool. Options, connection, the command, the exit status (cli.md 1).
#include "common/base/log.hpp"
#include "common/cmdline/parse.hpp"
#include "common/path/paths.hpp"
#include "json.hpp"
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

json_form json_form_of(const cmdline::parsed_options& given) {
    if (given.has("jsonl")) {
        return json_form::lines;
    }
    return given.has("json") ? json_form::object : json_form::none;
}

tool::options options_of(const cmdline::parsed_options& given) {
    tool::options o;
    o.json = json_form_of(given);
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
    if (ctx.json() && !ctx.answered) {
        ctx.said.add({trouble::daemon_unreachable, EPIPE, ctx.self}, "connection to daemon closed");
        print_json(ctx, json_error(ctx.said, 1));
    }
    std::fflush(stdout);
    std::exit(1);
}

bool is_about_permission(int code) {
    return code == EACCES || code == EPERM;
}

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

async::task<int> run_command(context& ctx, const action& what) {
    if (what.reach == reach::local && ctx.options.node) {
        ctx.complain(trouble::usage, "Cannot specify node for command {}", ctx.command->name);
        co_return 1;
    }
    if (what.run == nullptr) {
        ctx.complain("Command '{}' is not implemented yet", ctx.command->name);
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

// Before there is a context. With --json nothing else is on stdout.
int leave_with_error(json_form form, const std::string& text, const cmdline::ending& end) {
    if (form == json_form::none || end.code == 0) {
        return cmdline::leave(end);
    }
    complaints said;
    said.add({trouble::usage, EINVAL, std::nullopt}, text);
    const int indent = form == json_form::lines ? -1 : 2;
    const std::string object = json_error(said, end.code).dump(indent);
    return cmdline::leave({end.code, object + "\n", end.err});
}

int misused(const std::vector<std::string>& words, const cmdline::ending& end) {
    // the words could not be read in full: whoever writes --json means it
    const auto given = [&words](std::string_view word) {
        return std::find(words.begin(), words.end(), word) != words.end();
    };
    const bool object = given("--json") || given("-j");
    const auto form = given("--jsonl") ? json_form::lines
                      : object         ? json_form::object
                                       : json_form::none;
    return leave_with_error(form, end.err.empty() ? "wrong number of arguments" : end.err, end);
}

// With --json one object whatever happened: the command's own, else why it failed or that it is
// done.
void complete_json(const context& ctx, int code) {
    if (!ctx.json() || ctx.answered) {
        return;
    }
    if (code != 0) {
        print_json(ctx, json_error(ctx.said, code));
        return;
    }
    json out = json_head(ctx, ctx.command->name);
    out["messages"] = ctx.told;
    if (!ctx.said.lines().empty()) {
        out["messages"].push_back(ctx.said.lines());
    }
    print_json(ctx, out);
}

} // namespace

int main(int argc, char** argv) {
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    const std::vector<std::string> words = cmdline::arguments_of(argc, argv);
    const auto asked = cmdline::interpret(table(), words);
    if (!asked) {
        return misused(words, asked.error());
    }
    set_log_level_of(asked->options);
    const auto limit = run_time_of(asked->options);
    tool::options options = options_of(asked->options);
    if (!limit) {
        const std::string text = "Invalid value CTDB_TIMEOUT";
        return leave_with_error(options.json, text, {1, "", text + "\n"});
    }
    if (options.json != json_form::none && options.machine) {
        const std::string text = "--json and -Y options are mutually exclusive";
        return leave_with_error(options.json, text, {1, "", text + "\n"});
    }
    const path::paths where = path::process_paths();
    start_watchdog(*limit, options.json != json_form::none);
    async::event_loop loop;
    context ctx(loop, where, std::move(options), asked->arguments);
    ctx.command = asked->chosen;
    const int code = loop.run_until_done(run_command(ctx, action_of(asked->chosen->name)));
    complete_json(ctx, code);
    return std::fflush(stdout) == 0 ? exit_status(code) : 1;
}
