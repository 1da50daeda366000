// Every golden vector encodes and decodes to the byte; captured packets decode, their payloads too.
#include "common/protocol/control.hpp"
#include "common/protocol/packet.hpp"
#include "tests/unit/common/protocol/json_payload.hpp"
#include "tests/unit/common/protocol/recode.hpp"
#include "tests/unit/common/protocol/vector_file.hpp"

#include <gtest/gtest.h>

namespace ctdb::protocol::test {
namespace {

using ranges = std::vector<std::pair<std::size_t, std::size_t>>;

// Filled with memory addresses or garbage by the program that sent it: not compared.
void blank(bytes& data, const json& vector) {
    for (const char* const key : {"unspecified_ranges", "zeroed_ranges"}) {
        if (vector.contains(key)) {
            for (const auto& [at, size] : vector.at(key).get<ranges>()) {
                std::fill_n(data.begin() + static_cast<std::ptrdiff_t>(at), size, std::byte{0});
            }
        }
    }
}

// The 20 bytes that an IPv4 address leaves unused: Samba 4.17 sends garbage there, we send zeros.
bool has_address_garbage(const json& vector) {
    return vector.dump().find("tail_hex") != std::string::npos;
}

packet_header header_from(const json& fields) {
    packet_header header;
    fill(fields.at("length"), header.length);
    fill(fields.at("magic"), header.magic);
    fill(fields.at("version"), header.version);
    fill(fields.at("generation"), header.generation);
    fill(fields.at("operation"), header.operation);
    fill(fields.at("destnode"), header.destnode);
    fill(fields.at("srcnode"), header.srcnode);
    fill(fields.at("reqid"), header.reqid);
    return header;
}

std::string payload_type(const json& vector) {
    const json& type = vector.at("payload_type");
    return type.is_null() ? "" : type.get<std::string>();
}

// A packet made from its fields; owns what the body's views point to.
struct built_packet {
    packet_header header;
    packet_body body;
    bytes first, second;
};

void build_call(built_packet& p, const json& v) {
    req_call& body = p.body.emplace<req_call>();
    fill(v.at("flags"), body.flags);
    fill(v.at("db_id"), body.db_id);
    fill(v.at("callid"), body.call_id);
    fill(v.at("hopcount"), body.hopcount);
    body.key = p.first = bytes_of(v.at("key"));
    body.call_data = p.second = bytes_of(v.at("calldata"));
}

template <class Dmaster>
void build_dmaster(built_packet& p, const json& v) {
    Dmaster& body = p.body.emplace<Dmaster>();
    fill(v.at("db_id"), body.db_id);
    fill(v.at("rsn"), body.rsn);
    if constexpr (std::is_same_v<Dmaster, req_dmaster>) {
        fill(v.at("dmaster"), body.dmaster);
    }
    body.key = p.first = bytes_of(v.at("key"));
    body.data = p.second = bytes_of(v.at("data"));
    if (v.contains("record_flags")) {
        fill(v.at("record_flags"), body.flags.emplace());
    }
}

void build_control(built_packet& p, const json& v) {
    req_control& body = p.body.emplace<req_control>();
    fill(v.at("opcode"), body.opcode);
    fill(v.at("pad"), body.padding);
    fill(v.at("srvid"), body.srvid);
    fill(v.at("client_id"), body.client_id);
    fill(v.at("flags"), body.flags);
    body.data = p.first = encode_fields(payload_type(v), v.at("payload"));
}

void build_control_reply(built_packet& p, const json& v) {
    reply_control& body = p.body.emplace<reply_control>();
    fill(v.at("status"), body.status);
    body.data = p.first = encode_fields(payload_type(v), v.at("payload"));
    body.error_text = p.second = bytes_of(v.at("error_hex"));
}

void build_message(built_packet& p, const json& v) {
    req_message& body = p.body.emplace<req_message>();
    fill(v.at("srvid"), body.srvid);
    body.data = p.first = encode_fields(payload_type(v), v.at("payload"));
}

void build_tunnel(built_packet& p, const json& v) {
    req_tunnel& body = p.body.emplace<req_tunnel>();
    fill(v.at("tunnel_id"), body.tunnel_id);
    fill(v.at("flags"), body.flags);
    body.data = p.first = bytes_of(v.at("data"));
}

void build_small(built_packet& p, const json& v, const std::string& kind) {
    if (kind == "reply_call") {
        reply_call& body = p.body.emplace<reply_call>();
        fill(v.at("status"), body.status);
        body.data = p.first = bytes_of(v.at("data"));
    } else if (kind == "reply_error") {
        reply_error& body = p.body.emplace<reply_error>();
        fill(v.at("status"), body.status);
        body.message = p.first = bytes_of(v.at("msg"));
    } else if (kind == "keepalive") {
        keepalive& body = p.body.emplace<keepalive>();
        fill(v.at("protocol_version"), body.version);
        fill(v.at("uptime"), body.uptime_s);
    } else {
        throw std::runtime_error("unknown kind of packet: " + kind);
    }
}

void build(built_packet& p, const json& v) {
    const auto kind = v.at("packet").get<std::string>();
    p.header = header_from(v.at("header"));
    if (kind == "req_call") {
        build_call(p, v);
    } else if (kind == "req_dmaster") {
        build_dmaster<req_dmaster>(p, v);
    } else if (kind == "reply_dmaster") {
        build_dmaster<reply_dmaster>(p, v);
    } else if (kind == "req_control") {
        build_control(p, v);
    } else if (kind == "reply_control") {
        build_control_reply(p, v);
    } else if (kind == "req_message") {
        build_message(p, v);
    } else if (kind == "req_tunnel") {
        build_tunnel(p, v);
    } else {
        build_small(p, v, kind);
    }
}

// Daemons keep to the minimum sizes, the client library does not (1.3).
framing framing_of(const json& vector, const built_packet& p) {
    if (vector.at("framing") == "exact") {
        return framing::exact;
    }
    const std::string direction = vector.value("direction", "");
    if (direction == "from_daemon" || direction.starts_with("node")) {
        return framing::daemon;
    }
    const bool library = encode(p.header, p.body, framing::padded).size() == p.header.length;
    return library ? framing::padded : framing::daemon;
}

TEST(GoldenPackets, EncodeToTheByte) {
    for (const json& vector : all_packets()) {
        SCOPED_TRACE(vector.at("name"));
        built_packet p;
        build(p, vector);
        bytes made = encode(p.header, p.body, framing_of(vector, p));
        bytes wire = bytes_of(vector.at("hex"));
        ASSERT_EQ(made.size(), wire.size());
        blank(made, vector);
        blank(wire, vector);
        if (!has_address_garbage(vector)) {
            EXPECT_EQ(to_hex(made), to_hex(wire));
        }
    }
}

TEST(GoldenPackets, DecodeToTheirHeaders) {
    for (const json& vector : all_packets()) {
        SCOPED_TRACE(vector.at("name"));
        const bytes wire = bytes_of(vector.at("hex"));
        const auto decoded = decode_packet(wire);
        ASSERT_TRUE(decoded) << decoded.error().what;
        EXPECT_EQ(decoded->header, header_from(vector.at("header")));
        EXPECT_EQ(operation_of(decoded->body), decoded->header.operation);
        EXPECT_EQ(decoded->header.length, framed_length(wire));
    }
}

// What belongs to the body, without filler: encoding both sides exactly compares all fields at
// once.
TEST(GoldenPackets, DecodeToTheirFields) {
    for (const json& vector : all_packets()) {
        SCOPED_TRACE(vector.at("name"));
        bytes wire = bytes_of(vector.at("hex"));
        blank(wire, vector);
        const auto decoded = decode_packet(wire);
        ASSERT_TRUE(decoded) << decoded.error().what;
        built_packet p;
        build(p, vector);
        // padding behind a missing trailer reads as a trailer of flags 0 (2.3)
        if (auto* const asked = std::get_if<req_dmaster>(&p.body); asked && !asked->flags) {
            asked->flags = std::get<req_dmaster>(decoded->body).flags;
        }
        if (auto* const given = std::get_if<reply_dmaster>(&p.body); given && !given->flags) {
            given->flags = std::get<reply_dmaster>(decoded->body).flags;
        }
        if (!has_address_garbage(vector)) {
            const bytes ours = encode(p.header, decoded->body, framing::exact);
            bytes theirs = encode(p.header, p.body, framing::exact);
            blank(theirs, vector);
            EXPECT_EQ(to_hex(ours), to_hex(theirs));
        }
    }
}

byte_view payload_of(const packet_body& body) {
    if (const auto* const request = std::get_if<req_control>(&body)) {
        return request->data;
    }
    if (const auto* const reply = std::get_if<reply_control>(&body)) {
        return reply->data;
    }
    const auto* const message = std::get_if<req_message>(&body);
    return message != nullptr ? message->data : byte_view{};
}

TEST(GoldenPackets, PayloadsDecodeToTheirFields) {
    for (const json& vector : all_packets()) {
        if (!vector.contains("payload_type")) {
            continue;
        }
        SCOPED_TRACE(vector.at("name"));
        const std::string type = payload_type(vector);
        ASSERT_TRUE(knows_type(type)) << type;
        const bytes wire = bytes_of(vector.at("hex"));
        const auto decoded = decode_packet(wire);
        ASSERT_TRUE(decoded) << decoded.error().what;
        EXPECT_TRUE(decodes_to_fields(type, vector.at("payload"), payload_of(decoded->body)))
            << type;
    }
}

// The declared request and reply types are the ones that real programs send.
TEST(GoldenPackets, ControlsCarryTheirDeclaredTypes) {
    for (const json& vector : all_packets()) {
        if (!vector.contains("opcode") || !vector.at("opcode").is_number() ||
            (vector.contains("status") && vector.at("status") != 0)) {
            continue;
        }
        const auto opcode = vector.at("opcode").get<std::uint32_t>();
        const bool request = vector.at("packet") == "req_control";
        const auto name = vector.at("name").get<std::string>();
        SCOPED_TRACE(name);
        const bytes payload = encode_fields(payload_type(vector), vector.at("payload"));
        const auto recoded =
            request ? recode_request(opcode, payload) : recode_reply(opcode, payload);
        if (name.find("session/") == 0) {
            continue; // exchanges contain requests that are wrong on purpose
        }
        if (request && payload.size() < find_control(opcode).size_min) {
            EXPECT_FALSE(recoded); // the client library sends it, the daemon refuses it
            continue;
        }
        ASSERT_TRUE(recoded) << recoded.error().what;
        EXPECT_EQ(to_hex(*recoded), to_hex(payload));
    }
}

TEST(GoldenPackets, MessagesCarryTheirDeclaredTypes) {
    for (const json& vector : load_vectors("messages")) {
        SCOPED_TRACE(vector.at("name"));
        const bytes payload = encode_fields(payload_type(vector), vector.at("payload"));
        srvid address;
        fill(vector.at("srvid"), address);
        const auto recoded = recode_message(address, payload);
        ASSERT_TRUE(recoded) << recoded.error().what;
        EXPECT_EQ(to_hex(*recoded), to_hex(payload));
    }
}

TEST(GoldenTypes, EncodeAndDecodeToTheByte) {
    for (const json& vector : load_vectors("types")) {
        const auto type = vector.at("type").get<std::string>();
        if (type == "req_header" || type == "sock_packet_header") {
            continue; // below; framing of the event daemon's socket
        }
        SCOPED_TRACE(vector.at("name"));
        ASSERT_TRUE(knows_type(type)) << type;
        const bytes wire = bytes_of(vector.at("hex"));
        const json& fields = vector.at("fields");
        if (!has_address_garbage(vector)) {
            EXPECT_EQ(to_hex(encode_fields(type, fields)), to_hex(wire));
        }
        EXPECT_TRUE(decodes_to_fields(type, fields, wire));
        const auto recoded = recode_type(type, wire);
        ASSERT_TRUE(recoded) << recoded.error().what;
        EXPECT_EQ(to_hex(*recoded), to_hex(encode_fields(type, fields)));
    }
}

TEST(GoldenTypes, HeadersDecodeToTheirFields) {
    int seen = 0;
    for (const json& vector : load_vectors("types")) {
        if (vector.at("type") != "req_header") {
            continue;
        }
        SCOPED_TRACE(vector.at("name"));
        json fields = vector.at("fields");
        fields["magic"] = fields.at("ctdb_magic");
        fields["version"] = fields.at("ctdb_version");
        EXPECT_EQ(peek_header(bytes_of(vector.at("hex"))), header_from(fields));
        ++seen;
    }
    EXPECT_GT(seen, 0);
}

} // namespace
} // namespace ctdb::protocol::test
