// ctdb: the administrator's tool. Options, connection, the command, the exit status (cli.md 1).
#include "common/base/log.hpp"
#include "common/cmdline/parse.hpp"
#include "common/path/paths.hpp"
#include "connection.hpp"
#include "json.hpp"
#include "many_nodes.hpp"
#include "node_list.hpp"
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
    o.nodes = given.text("nodes").value_or("");
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

// The words by upstream's table; where -n is a list, which is ours, by ours. What neither
// understands is answered in upstream's words.
tl::expected<cmdline::invocation, cmdline::ending> understand(const std::vector<std::string>& words
) {
    auto asked = cmdline::interpret(table(), words);
    if (asked || asked.error().code == 0) {
        return asked;
    }
    auto lists = cmdline::interpret(table_with_lists(), words);
    const bool meant = lists && json_form_of(lists->options) != json_form::none &&
                       is_node_list(lists->options.text("nodes").value_or(""));
    return meant ? lists : asked;
}

async::task<int> run_command(context& ctx, const action& what) {
    const bool node_given = ctx.options.node || !ctx.options.nodes.empty();
    if (what.reach == reach::local && node_given) {
        ctx.complain(trouble::usage, "Cannot specify node for command {}", ctx.command->name);
        co_return 1;
    }
    if (what.run == nullptr) {
        ctx.complain("Command '{}' is not implemented yet", ctx.command->name);
        co_return 1;
    }
    if (!ctx.options.nodes.empty()) {
        co_return co_await ask_many_nodes(ctx, what);
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

} // namespace

int main(int argc, char** argv) {
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    const std::vector<std::string> words = cmdline::arguments_of(argc, argv);
    const auto asked = understand(words);
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
