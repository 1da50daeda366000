#include "common/event/event_protocol.hpp"

namespace ctdb::event {

namespace {

// Both sides of upstream's protocol write 0, although its constant is 1 (events.md 14.1).
constexpr std::uint32_t version_on_the_wire = 0;
constexpr std::uint32_t flag_run_all = 1;
// A script_result without texts: two length fields, two times, the result.
constexpr std::size_t script_result_size_min = 4 + 16 + 16 + 4 + 4;

void put_text(writer& out, std::string_view text) {
    out.put(static_cast<std::uint32_t>(text.size() + 1));
    out.put_bytes(view_of(text));
    out.put(std::uint8_t{0});
}

void put_optional_text(writer& out, const std::optional<std::string>& text) {
    if (text) {
        put_text(out, *text);
    } else {
        out.put(std::uint32_t{0});
    }
}

std::optional<std::string> get_optional_text(reader& in) {
    const auto size = in.get<std::uint32_t>();
    if (!in.ok() || size == 0) {
        return std::nullopt;
    }
    const std::string_view text = text_of(in.take(size));
    if (!in.ok() || text.find('\0') != text.size() - 1) {
        in.reject();
        return std::nullopt;
    }
    return std::string(text.substr(0, text.size() - 1));
}

std::string get_text(reader& in) {
    return get_optional_text(in).value_or(std::string());
}

void put_time(writer& out, wall_time t) {
    const std::int64_t all = t.time_since_epoch().count();
    out.put(all / 1'000'000);
    out.put(all % 1'000'000);
}

wall_time get_time(reader& in) {
    const auto seconds = in.get<std::int64_t>();
    const auto microseconds = in.get<std::int64_t>();
    constexpr std::int64_t seconds_max = INT64_MAX / 1'000'000 - 1;
    if (seconds < 0 || seconds > seconds_max || microseconds < 0 || microseconds >= 1'000'000) {
        in.reject();
        return {};
    }
    return wall_time(std::chrono::microseconds(seconds * 1'000'000 + microseconds));
}

writer start_packet(std::uint32_t id, command what) {
    writer out(64);
    out.put(std::uint32_t{0}); // length, patched at the end
    out.put(version_on_the_wire);
    out.put(id);
    out.put(what);
    return out;
}

bytes finish(writer& out) {
    out.patch_u32(0, static_cast<std::uint32_t>(out.size()));
    return out.take();
}

struct body_writer {
    writer& out;
    void operator()(const run_request& r) const {
        put_text(out, r.component);
        put_text(out, r.event);
        put_optional_text(out, r.arguments);
        out.put(r.timeout_seconds);
        out.put(r.run_all ? flag_run_all : std::uint32_t{0});
    }
    void operator()(const status_request& r) const {
        put_text(out, r.component);
        put_text(out, r.event);
    }
    void operator()(const script_request& r) const {
        put_text(out, r.component);
        put_text(out, r.script);
        out.put(r.what);
    }
};

command command_of(const request& r) {
    return static_cast<command>(r.body.index() + 1);
}

run_request get_run(reader& in) {
    run_request r;
    r.component = get_text(in);
    r.event = get_text(in);
    r.arguments = get_optional_text(in);
    r.timeout_seconds = in.get<std::uint32_t>();
    r.run_all = (in.get<std::uint32_t>() & flag_run_all) != 0;
    return r;
}

status_request get_status_request(reader& in) {
    status_request r;
    r.component = get_text(in);
    r.event = get_text(in);
    return r;
}

script_request get_script(reader& in) {
    script_request r;
    r.component = get_text(in);
    r.script = get_text(in);
    const auto what = in.get<std::uint32_t>();
    if (what > 1) {
        in.reject();
    }
    r.what = what == 1 ? script_request::action::enable : script_request::action::disable;
    return r;
}

void put_status(writer& out, const event_status& status) {
    out.put(status.summary);
    out.put(static_cast<std::int32_t>(status.scripts.size()));
    for (const script_result& s : status.scripts) {
        put_text(out, s.name);
        put_time(out, s.begin);
        put_time(out, s.end);
        out.put(s.result);
        if (s.output.empty()) {
            out.put(std::uint32_t{0});
        } else {
            put_text(out, s.output);
        }
    }
}

event_status get_status(reader& in) {
    event_status status;
    status.summary = in.get<std::int32_t>();
    const auto count = in.get<std::int32_t>();
    if (count < 0 || static_cast<std::size_t>(count) > in.remaining() / script_result_size_min) {
        in.reject();
        return status;
    }
    status.scripts.resize(static_cast<std::size_t>(count));
    for (script_result& s : status.scripts) {
        s.name = get_text(in);
        s.begin = get_time(in);
        s.end = get_time(in);
        s.result = in.get<std::int32_t>();
        s.output = get_text(in);
    }
    return status;
}

struct packet_head {
    std::uint32_t id = 0;
    std::uint32_t what = 0;
};

result<packet_head> read_head(reader& in, std::size_t packet_size) {
    const auto length = in.get<std::uint32_t>();
    in.skip(4); // version
    packet_head head;
    head.id = in.get<std::uint32_t>();
    head.what = in.get<std::uint32_t>();
    if (!in.ok() || length != packet_size) {
        return fail(EBADMSG, "event packet of {} bytes says {}", packet_size, length);
    }
    return head;
}

} // namespace

bytes encode(const request& r) {
    writer out = start_packet(r.id, command_of(r));
    std::visit(body_writer{out}, r.body);
    return finish(out);
}

bytes encode(const reply& r) {
    writer out = start_packet(r.id, r.to);
    out.put(r.result);
    if (r.to == command::status && r.result == 0 && r.status) {
        put_status(out, *r.status);
    }
    return finish(out);
}

result<request> decode_request(byte_view packet) {
    reader in(packet);
    const auto head = read_head(in, packet.size());
    if (!head) {
        return pass(head);
    }
    request r;
    r.id = head->id;
    switch (static_cast<command>(head->what)) {
    case command::run:
        r.body = get_run(in);
        break;
    case command::status:
        r.body = get_status_request(in);
        break;
    case command::script:
        r.body = get_script(in);
        break;
    default:
        return fail(EINVAL, "unknown event command {}", head->what);
    }
    if (!in.ok() || in.remaining() != 0) {
        return fail(EBADMSG, "malformed event request, command {}", head->what);
    }
    return r;
}

result<reply> decode_reply(byte_view packet) {
    reader in(packet);
    const auto head = read_head(in, packet.size());
    if (!head) {
        return pass(head);
    }
    if (head->what < 1 || head->what > 3) {
        return fail(EINVAL, "event reply to unknown command {}", head->what);
    }
    reply r;
    r.id = head->id;
    r.to = static_cast<command>(head->what);
    r.result = in.get<std::int32_t>();
    if (r.to == command::status && r.result == 0) {
        r.status = get_status(in);
    }
    if (!in.ok() || in.remaining() != 0) {
        return fail(EBADMSG, "malformed event reply, command {}", head->what);
    }
    return r;
}

} // namespace ctdb::event
