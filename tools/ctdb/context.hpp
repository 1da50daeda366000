// What a command of the tool works with: the options, the connection, the node asked, and asking
// with upstream's messages on failure (cli.md 1).
//
// One per run. Everything that asks returns a value or the exit status of the command, having
// printed why: outcome<T>.
#pragma once

#include "common/async/event_loop.hpp"
#include "common/async/slot.hpp"
#include "common/client/client.hpp"
#include "common/cmdline/program.hpp"
#include "common/path/paths.hpp"
#include "common/protocol/controls.hpp"
#include "common/protocol/srvids.hpp"
#include "complaints.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json_fwd.hpp>
#include <tl/expected.hpp>

namespace ctdb::tool {

struct failed {
    int code = 1; // errno, or a status; main() makes an exit status of it
};
template <class T = void>
using outcome = tl::expected<T, failed>;
[[nodiscard]] inline tl::unexpected<failed> failure(int code = 1) {
    return tl::unexpected<failed>(failed{code});
}
template <class T>
[[nodiscard]] tl::unexpected<failed> pass(const outcome<T>& o) {
    return tl::unexpected<failed>(o.error());
}

template <class T>
[[nodiscard]] int exit_of(const outcome<T>& o) {
    return o ? 0 : o.error().code;
}

enum class json_form : std::uint8_t {
    none,
    object, // --json: one object, indented
    lines,  // --jsonl: an object per line
};

struct options {
    std::optional<pnn> node;
    std::string nodes;    // -n with a list: see node_list.hpp; "" = none
    bool machine = false; // -X, -Y
    json_form json = json_form::none;
    bool verbose = false;
    std::string separator = "|";
    std::chrono::seconds timelimit{10};
};

class context {
public:
    context(async::event_loop& l, const path::paths& w, tool::options o, std::vector<std::string> a)
        : loop(l), where(w), options(std::move(o)), arguments(std::move(a)) {}
    context(const context&) = delete;
    context& operator=(const context&) = delete;

    async::event_loop& loop;
    const path::paths& where;
    tool::options options;
    std::vector<std::string> arguments; // of the command
    const cmdline::command* command = nullptr;

    std::unique_ptr<client::client> ctdbd; // null for local commands
    pnn self;                              // the node of our ctdbd
    pnn target;                            // the node asked: -n, else self
    bool expects_end = false;              // ctdbd may close the connection: shutdown
    bool ended = false;

    [[nodiscard]] async::time_point deadline() const { return loop.now() + options.timelimit; }
    [[nodiscard]] const std::string& argument(std::size_t i) const { return arguments[i]; }
    [[nodiscard]] bool json() const { return options.json != json_form::none; }
    [[nodiscard]] int misuse() const; // usage of the command on stdout; the exit status

    // A line on stderr that explains a failure; with --json also part of the error object.
    template <class... A>
    void complain(fmt::format_string<A...> text, A&&... values) const {
        complain_of({}, fmt::format(text, std::forward<A>(values)...));
    }
    template <class... A>
    void complain(trouble kind, fmt::format_string<A...> text, A&&... values) const {
        complaint what;
        what.kind = kind;
        complain_of(what, fmt::format(text, std::forward<A>(values)...));
    }
    void complain_of(const complaint& what, const std::string& line) const;
    // The same for what upstream says on stdout; with --json only in the error object.
    void deny(trouble kind, const std::string& line) const;
    // A line on stdout of a command that changes something; with --json one of its "messages".
    void tell(const std::string& line) const;

    // What the run has said so far, by whatever part of it: for the end of main().
    mutable complaints said;
    mutable std::vector<std::string> told;
    mutable bool answered = false;            // with JSON
    nlohmann::ordered_json* answer = nullptr; // takes the JSON object instead of stdout

    // GET_NODEMAP from the local node, or, if that is banned, from the next one (cli.md 1.5).
    // Remembered for the run unless `fresh`.
    enum class map_age : std::uint8_t { any, fresh };
    [[nodiscard]] async::task<outcome<protocol::node_map>> node_map(map_age age = map_age::any);
    [[nodiscard]] async::task<outcome<std::vector<pnn>>> nodes_where(bool (*wanted
    )(protocol::node_flags));

    // The leader as it announces itself once a second, or as ctdbd tells when asked to listen;
    // unknown_pnn after the time limit. listen_for_leader() before other questions saves the wait.
    void listen_for_leader();
    [[nodiscard]] async::task<pnn> leader();

    [[nodiscard]] srvid next_answer_address(); // for answers to messages of ours

private:
    std::optional<protocol::node_map> map_;
    std::unique_ptr<client::message_subscription> leader_subscription_;
    pnn leader_ = unknown_pnn;
    async::slot<bool>* leader_waiter_ = nullptr;
    std::uint16_t answers_ = 0;
};

// Complain of a control that failed; the exit status.
[[nodiscard]] int
report_no_answer(const context& ctx, std::string_view control, pnn to, const error& why);
[[nodiscard]] int
report_refused(const context& ctx, std::string_view control, pnn to, std::int32_t status);

// co_await ask<controls::ping>(ctx, node): the reply.
template <class Control>
[[nodiscard]] async::task<outcome<typename Control::reply>>
ask(context& ctx, pnn to, typename Control::request request = {}, srvid header_srvid = srvid{}) {
    client::control_call call = client::call_of<Control>(to, request, header_srvid, {});
    const auto answer = co_await ctx.ctdbd->control(std::move(call), ctx.deadline());
    if (!answer) {
        co_return failure(report_no_answer(ctx, Control::name, to, answer.error()));
    }
    if constexpr (Control::answers_by_status) {
        co_return typename Control::reply{answer->status};
    } else {
        if (answer->status != 0) {
            co_return failure(report_refused(ctx, Control::name, to, answer->status));
        }
        auto reply = protocol::decode<typename Control::reply>(answer->data);
        if (!reply) {
            co_return failure(report_no_answer(ctx, Control::name, to, reply.error()));
        }
        co_return std::move(*reply);
    }
}

// The same for controls without a reply, with the command's own line after a failure.
template <class Control>
[[nodiscard]] async::task<outcome<>>
order(context& ctx, pnn to, typename Control::request request, std::string text) {
    const auto done = co_await ask<Control>(ctx, to, std::move(request));
    if (!done) {
        if (!text.empty()) {
            ctx.complain("{}", text);
        }
        co_return pass(done);
    }
    co_return outcome<>();
}

} // namespace ctdb::tool
