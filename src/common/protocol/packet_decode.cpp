// Receiving packets: every length is compared with what remains, in 64 bits, before it is used
// (wire-protocol.md 9).
#include "common/protocol/packet.hpp"

namespace ctdb::protocol {
namespace {

// Fixed parts behind the header; the lengths they announce are taken from the same reader, so that
// none can reach beyond the packet. Each returns what it read; the caller asks the reader whether
// that is true.

req_call read_req_call(reader& in) {
    req_call body;
    body.flags = call_flags{in.get<std::uint32_t>()};
    body.db_id = db_id{in.get<std::uint32_t>()};
    body.call_id = in.get<call_id>();
    body.hopcount = in.get<std::uint32_t>();
    const auto key_size = in.get<std::uint32_t>();
    const auto data_size = in.get<std::uint32_t>();
    body.key = in.take(key_size);
    body.call_data = in.take(data_size);
    if (key_size == 0) {
        in.reject(); // no record has an empty key (9.2)
    }
    return body;
}

reply_call read_reply_call(reader& in) {
    reply_call body;
    body.status = in.get<std::int32_t>();
    const auto size = in.get<std::uint32_t>();
    body.data = in.take(size);
    return body;
}

// The trailer is there if four more bytes are; no length field covers it (2.3).
std::optional<record_flags> read_trailer(reader& in) {
    if (!in.ok() || in.remaining() < sizeof(std::uint32_t)) {
        return std::nullopt;
    }
    return record_flags{in.get<std::uint32_t>()};
}

req_dmaster read_req_dmaster(reader& in) {
    req_dmaster body;
    body.db_id = db_id{in.get<std::uint32_t>()};
    in.skip(4);
    body.rsn = rsn{in.get<std::uint64_t>()};
    body.dmaster = pnn{in.get<std::uint32_t>()};
    const auto key_size = in.get<std::uint32_t>();
    const auto data_size = in.get<std::uint32_t>();
    body.key = in.take(key_size);
    body.data = in.take(data_size);
    body.flags = read_trailer(in);
    return body;
}

reply_dmaster read_reply_dmaster(reader& in) {
    reply_dmaster body;
    body.db_id = db_id{in.get<std::uint32_t>()};
    in.skip(4);
    body.rsn = rsn{in.get<std::uint64_t>()};
    const auto key_size = in.get<std::uint32_t>();
    const auto data_size = in.get<std::uint32_t>();
    body.key = in.take(key_size);
    body.data = in.take(data_size);
    body.flags = read_trailer(in);
    return body;
}

reply_error read_reply_error(reader& in) {
    reply_error body;
    body.status = in.get<std::int32_t>();
    const auto size = in.get<std::uint32_t>();
    body.message = in.take(size);
    return body;
}

req_message read_req_message(reader& in) {
    req_message body;
    body.srvid = srvid{in.get<std::uint64_t>()};
    const auto size = in.get<std::uint32_t>();
    body.data = in.take(size);
    return body;
}

req_control read_req_control(reader& in) {
    req_control body;
    body.opcode = in.get<std::uint32_t>();
    body.padding = in.get<std::uint32_t>();
    body.srvid = srvid{in.get<std::uint64_t>()};
    body.client_id = client_id{in.get<std::uint32_t>()};
    body.flags = control_flags{in.get<std::uint32_t>()};
    const auto size = in.get<std::uint32_t>();
    body.data = in.take(size);
    return body;
}

reply_control read_reply_control(reader& in) {
    reply_control body;
    body.status = in.get<std::int32_t>();
    const auto data_size = in.get<std::uint32_t>();
    const auto text_size = in.get<std::uint32_t>();
    body.data = in.take(data_size);
    body.error_text = in.take(text_size);
    return body;
}

keepalive read_keepalive(reader& in) {
    keepalive body;
    body.version = in.get<std::uint32_t>();
    body.uptime_s = in.get<std::uint32_t>();
    return body;
}

req_tunnel read_req_tunnel(reader& in) {
    req_tunnel body;
    body.tunnel_id = in.get<std::uint64_t>();
    body.flags = tunnel_flags{in.get<std::uint32_t>()};
    const auto size = in.get<std::uint32_t>();
    body.data = in.take(size);
    return body;
}

std::optional<packet_body> read_body(operation op, reader& in) {
    switch (op) {
    case operation::req_call:
        return read_req_call(in);
    case operation::reply_call:
        return read_reply_call(in);
    case operation::req_dmaster:
        return read_req_dmaster(in);
    case operation::reply_dmaster:
        return read_reply_dmaster(in);
    case operation::reply_error:
        return read_reply_error(in);
    case operation::req_message:
        return read_req_message(in);
    case operation::req_control:
        return read_req_control(in);
    case operation::reply_control:
        return read_reply_control(in);
    case operation::keepalive:
        return read_keepalive(in);
    case operation::req_tunnel:
        return read_req_tunnel(in);
    }
    return std::nullopt;
}

} // namespace

std::optional<std::uint32_t> framed_length(byte_view received) noexcept {
    reader in(received);
    const auto length = in.get<std::uint32_t>();
    return in.ok() ? std::optional(length) : std::nullopt;
}

std::string_view framing_error_name(framing_error error) noexcept {
    switch (error) {
    case framing_error::none:
        return "none";
    case framing_error::too_short:
        return "shorter than a header";
    case framing_error::too_long:
        return "longer than allowed";
    case framing_error::length_differs:
        return "length field is not the packet's size";
    case framing_error::misaligned:
        return "length not a multiple of 8";
    case framing_error::bad_magic:
        return "wrong magic";
    case framing_error::bad_version:
        return "wrong protocol version";
    }
    return "unknown";
}

std::optional<packet_header> peek_header(byte_view packet) noexcept {
    reader in(packet);
    packet_header header;
    header.length = in.get<std::uint32_t>();
    header.magic = in.get<std::uint32_t>();
    header.version = in.get<std::uint32_t>();
    header.generation = generation{in.get<std::uint32_t>()};
    header.operation = in.get<operation>();
    header.destnode = pnn{in.get<std::uint32_t>()};
    header.srcnode = pnn{in.get<std::uint32_t>()};
    header.reqid = reqid{in.get<std::uint32_t>()};
    return in.ok() ? std::optional(header) : std::nullopt;
}

framing_error judge_framing(byte_view packet, const framing_rules& rules) noexcept {
    const auto header = peek_header(packet);
    if (!header || header->length < header_size) {
        return framing_error::too_short;
    }
    if (header->length > rules.length_max) {
        return framing_error::too_long;
    }
    if (header->length != packet.size()) {
        return framing_error::length_differs;
    }
    if (rules.alignment == alignment::multiple_of_8 && header->length % 8 != 0) {
        return framing_error::misaligned;
    }
    if (header->magic != packet_magic) {
        return framing_error::bad_magic;
    }
    return header->version == packet_version ? framing_error::none : framing_error::bad_version;
}

result<packet_header> parse_header(byte_view packet, const framing_rules& rules) {
    const framing_error problem = judge_framing(packet, rules);
    if (problem != framing_error::none) {
        return fail(EBADMSG, "packet of {} bytes: {}", packet.size(), framing_error_name(problem));
    }
    return *peek_header(packet);
}

result<packet_body> decode_body(const packet_header& header, byte_view packet) {
    reader in(packet);
    in.skip(header_size);
    auto body = read_body(header.operation, in);
    const auto number = static_cast<std::uint32_t>(header.operation);
    if (!body) {
        return fail(EOPNOTSUPP, "packet with unknown operation {}", number);
    }
    if (!in.ok()) {
        return fail(
            EINVAL, "packet of {} bytes, operation {}: lengths exceed it", packet.size(), number
        );
    }
    return *body;
}

result<packet> decode_packet(byte_view packet_bytes) {
    const auto header = parse_header(packet_bytes);
    if (!header) {
        return pass(header);
    }
    auto body = decode_body(*header, packet_bytes);
    if (!body) {
        return pass(body);
    }
    return packet{*header, *body};
}

std::string_view text_until_nul(byte_view text) noexcept {
    const std::string_view all = text_of(text);
    return all.substr(0, all.find('\0'));
}

} // namespace ctdb::protocol
