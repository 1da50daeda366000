#include "eventd/server.hpp"

#include "common/base/log.hpp"
#include "eventd/legacy_view.hpp"

#include <algorithm>
#include <utility>

#include <unistd.h>

namespace ctdb::eventd {

namespace {

constexpr std::string_view legacy = "legacy";

sock::stream_policy policy() {
    sock::stream_policy p;
    p.length_min = event::packet_length_min;
    p.length_max = event::request_length_max;
    return p;
}

} // namespace

server::server(async::event_loop& loop, path::paths where, std::string debug_script)
    : loop_(loop), where_(std::move(where)),
      settings_{where_.etc, where_.var, where_.helpers, std::move(debug_script)} {}

result<std::unique_ptr<server>>
server::start(async::event_loop& loop, path::paths where, std::string debug_script) {
    std::unique_ptr<server> made(new server(loop, std::move(where), std::move(debug_script)));
    server* const self = made.get();
    sock::sock_daemon::handlers to_call{
        {},
        [self](sock::connection_id from, sock::received_packet packet) {
            self->received(from, packet.view());
        },
        [](sock::connection_id id, const sock::stream_end& end) {
            if (end.cause != sock::end_cause::closed) {
                log_warning("client {} of the event socket: {}", id.value, end.what);
            }
        }};
    auto listening = sock::sock_daemon::listen(
        loop, self->where_.socket("eventd"), policy(), std::move(to_call)
    );
    if (!listening) {
        return pass(listening);
    }
    made->daemon_ = std::move(*listening);
    log_notice("listening on {}", self->where_.socket("eventd"));
    return made;
}

void server::give_up_place() {
    ::unlink(where_.socket("eventd").c_str());
}

bool server::in_use() const {
    return daemon_->connections() > 0 ||
           std::any_of(components_.begin(), components_.end(), [](const auto& entry) {
               return !entry.second->idle();
           });
}

void server::received(sock::connection_id from, byte_view packet) {
    auto asked = event::decode_request(packet);
    if (!asked) {
        log_warning("client {} of the event socket: {}", from.value, asked.error().what);
        daemon_->close(from);
        return;
    }
    const std::uint32_t id = asked->id;
    if (auto* const what = std::get_if<event::run_request>(&asked->body)) {
        run(from, id, std::move(*what));
    } else if (const auto* const which = std::get_if<event::status_request>(&asked->body)) {
        const auto status = status_of(*which);
        if (status) {
            answer(from, id, event::command::status, 0, &*status);
        } else {
            answer(from, id, event::command::status, status.error().code);
        }
    } else {
        const auto& script = std::get<event::script_request>(asked->body);
        answer(from, id, event::command::script, switch_script(script));
    }
}

void server::run(sock::connection_id from, std::uint32_t id, event::run_request what) {
    const auto found = find_component(what.component);
    if (!found) {
        log_notice("event {}: {}", what.event, found.error().what);
        answer(from, id, event::command::run, found.error().code);
        return;
    }
    (*found)->run(std::move(what), [this, from, id](std::int32_t code) {
        answer(from, id, event::command::run, code);
    });
}

void server::answer(
    sock::connection_id to,
    std::uint32_t id,
    event::command what,
    std::int32_t code,
    const event::event_status* status
) {
    event::reply r{id, what, code, std::nullopt};
    if (status != nullptr) {
        r.status = *status;
    }
    daemon_->send(to, event::encode(r));
}

result<component*> server::find_component(const std::string& name) {
    if (const auto found = components_.find(name); found != components_.end()) {
        return found->second.get();
    }
    if (!event::is_component_name(name)) {
        return fail(ENOENT, "\"{}\" is no component", name);
    }
    std::string directory = where_.enabled_events(name);
    if (const auto scripts = event::list_scripts(directory); !scripts) {
        return pass(scripts);
    }
    auto made = std::make_unique<component>(loop_, name, std::move(directory), settings_);
    return components_.emplace(name, std::move(made)).first->second.get();
}

result<event::event_status> server::status_of(const event::status_request& what) {
    if (what.component == legacy &&
        !event::has_enabled_script(where_.enabled_events(what.component))) {
        return legacy_status(what.event);
    }
    const auto found = find_component(what.component);
    if (!found) {
        return pass(found);
    }
    const event::event_status* const latest = (*found)->latest(what.event);
    if (latest == nullptr) {
        return fail(EINVAL, "event {} has never run in {}", what.event, what.component);
    }
    return *latest;
}

result<event::event_status> server::legacy_status(const std::string& asked) {
    std::vector<event::event_status> parts;
    for (const component_event& successor : successors_of(asked)) {
        const auto found = components_.find(successor.component);
        if (found == components_.end()) {
            continue;
        }
        if (const auto* const latest = found->second->latest(std::string(successor.event))) {
            parts.push_back(*latest);
        }
    }
    if (parts.empty()) { // a legacy component without scripts may have been asked itself
        const auto own = components_.find(legacy);
        const auto* const latest = own == components_.end() ? nullptr : own->second->latest(asked);
        if (latest == nullptr) {
            return fail(EINVAL, "event {} has never run in {}", asked, legacy);
        }
        return *latest;
    }
    return merge(std::move(parts));
}

std::int32_t server::switch_script(const event::script_request& what) {
    if (!event::is_component_name(what.component)) {
        return ENOENT;
    }
    const event::script_place place{
        where_.enabled_events(what.component),
        where_.provided_events(what.component),
        what.component};
    const auto done = what.what == event::script_request::action::enable
                          ? event::enable_script(place, what.script)
                          : event::disable_script(place, what.script);
    if (!done) {
        log_notice("{}", done.error().what);
        return done.error().code;
    }
    return 0;
}

} // namespace ctdb::eventd
