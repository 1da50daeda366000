// ctdb-event: asks eventd to run events and shows how they ended; switches scripts on and off.
#include "common/async/event_loop.hpp"
#include "common/base/log.hpp"
#include "common/cmdline/parse.hpp"
#include "common/event/event_client.hpp"
#include "common/path/paths.hpp"
#include "report.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <string>
#include <utility>

namespace {

using namespace ctdb;

const cmdline::program& table() {
    static const cmdline::program program{
        "ctdb-event",
        cmdline::style::helper,
        {cmdline::help_with_h(),
         {"Options:", {cmdline::debug_option()}},
         {"", cmdline::json_options()}},
        {{"run", "<timeout> <component> <event> <args>", "Run an event", 3, cmdline::any_number},
         {"status", "<component> <event>", "Get status of an event", 2, 2},
         {"script list", "<component>", "List event scripts", 1, 1},
         {"script enable", "<component> <script>", "Enable an event script", 2, 2},
         {"script disable", "<component> <script>", "Disable an event script", 2, 2}},
        1};
    return program;
}

struct context {
    path::paths where = path::process_paths();
    std::vector<std::string> arguments;
    std::optional<event_tool::layout> json; // none: words
};

// The end of a command that has no more to show than how it went.
int finish(const context& c, int code, const std::string& text) {
    if (!c.json) {
        fmt::print("{}", text);
    } else if (code == 0) {
        fmt::print("{}\n", event_tool::done_json(c.arguments, *c.json));
    } else {
        fmt::print("{}\n", event_tool::error_json(code, text, *c.json));
    }
    return code;
}

// The same where the words have gone to stderr.
int give_up(const context& c, int code, const std::string& text) {
    if (c.json) {
        fmt::print("{}\n", event_tool::error_json(code, text, *c.json));
    }
    return code;
}

// As atoi(3), by which upstream reads it: no number and a negative one are 0.
std::uint32_t timeout_of(const std::string& text) {
    int value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return static_cast<std::uint32_t>(std::max(value, 0));
}

// Nothing: said on stderr.
std::optional<event::reply> ask_eventd(const context& c, event::request what) {
    async::event_loop loop;
    const std::string socket = c.where.socket("eventd");
    event::event_client client(loop, socket);
    if (const auto connected = client.connect(); !connected) {
        fmt::print(stderr, "socket connect failed - {}\n", socket);
        fmt::print(stderr, "Failed to initialize event client, ret={}\n", EIO);
        return std::nullopt;
    }
    // eventd answers when the time of the event is up; how long it waits for others is not ours
    constexpr std::chrono::hours for_ever{24 * 365};
    auto answer = loop.run_until_done(client.ask(std::move(what), loop.now() + for_ever));
    if (!answer) {
        fmt::print(stderr, "eventd did not answer: {}\n", answer.error().what);
        return std::nullopt;
    }
    return std::move(*answer);
}

int run_event(const context& c) {
    event::run_request what;
    what.timeout_seconds = timeout_of(c.arguments[0]);
    what.component = c.arguments[1];
    what.event = c.arguments[2];
    for (std::size_t i = 3; i < c.arguments.size(); ++i) {
        what.arguments = i == 3 ? c.arguments[i] : *what.arguments + " " + c.arguments[i];
    }
    what.run_all = c.where.test_mode && std::getenv("CTDB_EVENT_RUN_ALL") != nullptr; // NOLINT
    const auto answer = ask_eventd(c, event::request{0, what});
    if (!answer) {
        return give_up(c, EIO, "eventd does not answer");
    }
    return finish(c, answer->result, event_tool::run_report(what, answer->result));
}

int show_status(const context& c) {
    const event::status_request what{c.arguments[0], c.arguments[1]};
    const auto answer = ask_eventd(c, event::request{0, what});
    if (!answer) {
        return give_up(c, EIO, "eventd does not answer");
    }
    const auto report = event_tool::status_report(what, *answer);
    if (c.json) {
        fmt::print("{}\n", event_tool::status_json(what, *answer, *c.json));
    } else {
        fmt::print("{}", report.text);
    }
    return report.exit_code;
}

event::script_place place_of(const context& c) {
    const std::string& component = c.arguments[0];
    return {c.where.enabled_events(component), c.where.provided_events(component), component};
}

int list_scripts(const context& c) {
    const auto listing = event::list_for_operator(place_of(c));
    if (!listing) {
        return give_up(c, listing.error().code, listing.error().what);
    }
    if (c.json) {
        fmt::print("{}\n", event_tool::list_json(c.arguments[0], *listing, *c.json));
    } else {
        fmt::print("{}", event_tool::list_report(*listing));
    }
    return 0;
}

int finish(const context& c, const result<>& done) {
    return done ? finish(c, 0, "") : finish(c, done.error().code, done.error().what + "\n");
}

int enable(const context& c) {
    return finish(c, event::enable_script(place_of(c), c.arguments[1]));
}

int disable(const context& c) {
    return finish(c, event::disable_script(place_of(c), c.arguments[1]));
}

using command_function = int (*)(const context&);

command_function function_of(std::string_view command) {
    if (command == "run") {
        return run_event;
    }
    if (command == "status") {
        return show_status;
    }
    if (command == "script list") {
        return list_scripts;
    }
    return command == "script enable" ? enable : disable;
}

} // namespace

int main(int argc, char** argv) {
    const auto asked = cmdline::interpret(table(), cmdline::arguments_of(argc, argv));
    if (!asked) {
        return cmdline::leave(asked.error());
    }
    const auto level = parse_log_level(asked->options.text("debug").value_or("ERROR"));
    set_log_level(level.value_or(log_level::error)); // upstream accepts any text
    context c;
    c.arguments = asked->arguments;
    c.json = cmdline::json_layout_of(asked->options);
    const std::string_view command = asked->chosen->name;
    const int code = function_of(command)(c);
    // upstream reports a missing directory of scripts like this at every level
    const bool always = command == "script list" && code != 0;
    log(always ? log_level::error : log_level::notice,
        "Command {} finished with result={}",
        command,
        code);
    return code;
}
