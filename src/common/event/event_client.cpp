#include "common/event/event_client.hpp"

#include "common/base/log.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace ctdb::event {

namespace {

constexpr std::chrono::milliseconds connect_pause{100};
constexpr std::chrono::seconds status_patience{5};

bool is_reply(byte_view) noexcept {
    return true; // eventd sends nothing else
}

sock::request_framing framing() {
    sock::request_framing f;
    f.policy.length_min = packet_length_min;
    f.policy.length_max = reply_length_max;
    f.number_at = 8;
    f.is_reply = is_reply;
    return f;
}

bool failed(const script_result& s) noexcept {
    return s.result != 0 && s.result != result_disabled && s.result != result_not_reached;
}

// The last line that says something: scripts end with the reason (style of our scripts).
std::string_view last_line(std::string_view text) noexcept {
    const std::size_t end = text.find_last_not_of("\n\r \t");
    if (end == std::string_view::npos) {
        return {};
    }
    text = text.substr(0, end + 1);
    return text.substr(text.find_last_of('\n') + 1);
}

} // namespace

std::string run_outcome::reason() const {
    if (ok()) {
        return {};
    }
    if (script.empty()) {
        return fmt::format(
            "event failed: {}", std::strerror(code)
        ); // NOLINT(concurrency-mt-unsafe)
    }
    const std::string_view how = code == ETIMEDOUT ? "timed out" : "failed";
    const std::string_view line = last_line(output);
    return line.empty() ? fmt::format("script {} {}", script, how)
                        : fmt::format("script {} {}: {}", script, how, line);
}

event_client::event_client(async::event_loop& loop, std::string socket_path)
    : loop_(loop), path_(std::move(socket_path)) {}

result<> event_client::connect() {
    if (client_ && client_->connected()) {
        return {};
    }
    sock::sock_client::handlers to_call{
        [](sock::received_packet) { log_warning("event reply that nobody waits for"); },
        [](const sock::stream_end& end) { log_info("connection to eventd ended: {}", end.what); }};
    auto connected = sock::sock_client::connect(loop_, path_, framing(), std::move(to_call));
    if (!connected) {
        return pass(connected);
    }
    client_ = std::move(*connected);
    return {};
}

async::task<result<>> event_client::connect_patiently() {
    const async::time_point give_up = loop_.now() + connect_patience;
    result<> connected = connect();
    while (!connected && loop_.now() < give_up) {
        co_await async::sleep_for(loop_, connect_pause);
        connected = connect();
    }
    co_return connected;
}

async::task<result<reply>> event_client::ask(request what, async::time_point deadline) {
    if (auto connected = connect(); !connected) {
        co_return pass(connected);
    }
    auto packet = co_await client_->request(encode(what), deadline);
    if (!packet) {
        co_return pass(packet);
    }
    co_return decode_reply(*packet);
}

async::task<result<reply>> event_client::run_once(run_request what) {
    if (auto connected = co_await connect_patiently(); !connected) {
        co_return pass(connected);
    }
    const std::chrono::seconds timeout(what.timeout_seconds);
    const async::time_point deadline = loop_.now() + timeout + answer_patience;
    request asked;
    asked.body = std::move(what);
    auto answered = co_await ask(std::move(asked), deadline);
    co_return answered;
}

async::task<run_outcome> event_client::explain(run_request what, std::int32_t code) {
    run_outcome outcome;
    outcome.code = code;
    if (code != ENOEXEC && code != ETIMEDOUT) {
        co_return outcome;
    }
    request asked;
    asked.body = status_request{std::move(what.component), std::move(what.event)};
    auto answered = co_await ask(std::move(asked), loop_.now() + status_patience);
    if (!answered || !answered->status) {
        co_return outcome; // the code alone has to do
    }
    const auto& scripts = answered->status->scripts;
    const auto found = std::find_if(scripts.rbegin(), scripts.rend(), failed);
    if (found != scripts.rend()) {
        outcome.script = found->name;
        outcome.output = found->output;
    }
    co_return outcome;
}

async::task<result<run_outcome>> event_client::run(run_request what) {
    auto answered = co_await run_once(what);
    if (!answered && (answered.error().code == ENOTCONN || answered.error().code == EPIPE)) {
        log_warning(
            "eventd went away during event {} of {}: asking once more", what.event, what.component
        );
        answered = co_await run_once(what);
    }
    if (!answered) {
        co_return pass(answered);
    }
    auto outcome = co_await explain(std::move(what), answered->result);
    co_return outcome;
}

async::task<result<run_outcome>> event_client::run(
    std::string component, std::string event, std::string arguments, std::chrono::seconds timeout
) {
    run_request what;
    what.component = std::move(component);
    what.event = std::move(event);
    if (!arguments.empty()) {
        what.arguments = std::move(arguments);
    }
    what.timeout_seconds = static_cast<std::uint32_t>(std::max<std::int64_t>(timeout.count(), 0));
    auto outcome = co_await run(std::move(what));
    co_return outcome;
}

} // namespace ctdb::event
