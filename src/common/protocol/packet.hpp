// Packets: the common header, the ten operations, and who may be believed about lengths
// (wire-protocol.md 1, 2, 9).
//
// Receiving: a packet is framed by its first four bytes, then judged in two steps that fail
// differently (1.5):
//   parse_header(packet, limits) -> framing errors (length, magic, version, alignment): the
//   transport's own judgement decode_packet(packet)        -> body errors: fixed part missing,
//   inner lengths larger than the packet, unknown operation
// Decoded packets are views: byte_view members point into the packet buffer, which must outlive
// them. Filler after the last field is ignored. Sending: encode(header, body) fills in length,
// magic, version and operation, appends the data and zero-fills to a multiple of 8
// (framing::daemon, framing::padded) or stops at the last byte (framing::exact, what Samba does).
#pragma once

#include "common/base/bytes.hpp"
#include "common/base/ids.hpp"
#include "common/base/result.hpp"
#include "common/protocol/constants.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

namespace ctdb::protocol {

inline constexpr std::size_t header_size = 32;

struct packet_header {
    std::uint32_t length = 0; // whole packet; filled in by encode()
    std::uint32_t magic = packet_magic;
    std::uint32_t version = packet_version;
    ctdb::generation generation{};
    protocol::operation operation{}; // filled in by encode()
    pnn destnode{};
    pnn srcnode{};
    ctdb::reqid reqid{};
    bool operator==(const packet_header&) const = default;
};

struct req_call {
    call_flags flags{};
    ctdb::db_id db_id{};
    protocol::call_id call_id = protocol::call_id::null;
    std::uint32_t hopcount = 0;
    byte_view key{}; // at least one byte
    byte_view call_data{};
};

struct reply_call {
    std::int32_t status = 0;
    byte_view data{};
};

struct req_dmaster {
    ctdb::db_id db_id{};
    ctdb::rsn rsn{};
    pnn dmaster{};
    byte_view key{};
    byte_view data{};                    // without record header
    std::optional<record_flags> flags{}; // the unaligned trailer; always send it, absent = 0
};

struct reply_dmaster {
    ctdb::db_id db_id{};
    ctdb::rsn rsn{};
    byte_view key{};
    byte_view data{};
    std::optional<record_flags> flags{};
};

struct reply_error {
    std::int32_t status = 0;
    byte_view message{}; // as sent: with its NUL, but do not rely on it; see text_until_nul()
};

struct req_message {
    ctdb::srvid srvid{};
    byte_view data{};
};

struct req_control {
    std::uint32_t opcode = 0;
    ctdb::srvid srvid{};
    ctdb::client_id client_id{};
    control_flags flags{};
    byte_view data{};
    std::uint32_t padding = 0; // ignored
};

struct reply_control {
    std::int32_t status = 0;
    byte_view data{};
    byte_view error_text{}; // with or without NUL; see text_until_nul()
};

struct keepalive {
    std::uint32_t version = 0; // (major << 16) | minor
    std::uint32_t uptime_s = 0;
};

struct req_tunnel {
    std::uint64_t tunnel_id = 0;
    tunnel_flags flags{};
    byte_view data{};
};

using packet_body = std::variant<
    req_call,
    reply_call,
    req_dmaster,
    reply_dmaster,
    reply_error,
    req_message,
    req_control,
    reply_control,
    keepalive,
    req_tunnel>;

struct packet {
    packet_header header{};
    packet_body body{};
};

// ---- receiving ----

// length as the first four bytes tell it; nothing if fewer than four are there. 0 means that the
// stream is unusable.
[[nodiscard]] std::optional<std::uint32_t> framed_length(byte_view received) noexcept;

enum class framing_error {
    none,
    too_short,      // fewer bytes than a header, or length < 32
    too_long,       // above the receiver's limit
    length_differs, // length field is not the size of the packet
    misaligned,     // node transport: length not a multiple of 8
    bad_magic,
    bad_version,
};
[[nodiscard]] std::string_view framing_error_name(framing_error error) noexcept;

enum class alignment { any, multiple_of_8 }; // clients; nodes
struct framing_rules {
    std::uint32_t length_max = 0xFFFFFFFF;
    protocol::alignment alignment = protocol::alignment::any;
};

// What is wrong with the frame of a whole packet; looks at no more than the header.
[[nodiscard]] framing_error
judge_framing(byte_view packet, const framing_rules& rules = {}) noexcept;

// The eight fields as they are, judged by nobody; nothing if fewer than 32 bytes.
[[nodiscard]] std::optional<packet_header> peek_header(byte_view packet) noexcept;

// The header of a packet whose frame is right. EBADMSG.
[[nodiscard]] result<packet_header> parse_header(byte_view packet, const framing_rules& rules = {});

// Header and body. EBADMSG: framing, EINVAL: body, EOPNOTSUPP: unknown operation.
[[nodiscard]] result<packet> decode_packet(byte_view packet);
// The body alone, when the header was parsed before; `packet` is the whole packet.
[[nodiscard]] result<packet_body> decode_body(const packet_header& header, byte_view packet);

// 2: operations that a client may send; every known one may come from a node.
[[nodiscard]] constexpr bool allowed_from_client(operation op) noexcept {
    return op == operation::req_call || op == operation::req_message ||
           op == operation::req_control || op == operation::req_tunnel;
}
// 1.8: record traffic is dropped unless its generation is the receiver's.
[[nodiscard]] constexpr bool generation_matters(operation op) noexcept {
    return op == operation::req_call || op == operation::reply_call ||
           op == operation::req_dmaster || op == operation::reply_dmaster;
}

// Releases before 4.7 send a keepalive that is a header alone: decode_body() refuses it, but it has
// a meaning of its own (2.9: shut ourselves down unless mixed versions are allowed).
[[nodiscard]] constexpr bool is_bare_keepalive(const packet_header& header) noexcept {
    return header.operation == operation::keepalive && header.length == header_size;
}

// A text from the wire: its bytes up to the first NUL.
[[nodiscard]] std::string_view text_until_nul(byte_view text) noexcept;
// Replies: status 0 uses the data, anything else the text (2.8).
[[nodiscard]] constexpr bool succeeded(const reply_control& reply) noexcept {
    return reply.status == 0;
}

// ---- sending ----

// daemon: at least the C size of the structure (1.3), then a multiple of 8; padded: the client
// library's, a multiple of 8; exact: Samba's.
enum class framing { daemon, padded, exact };

[[nodiscard]] operation operation_of(const packet_body& body) noexcept;

[[nodiscard]] bytes
encode(const packet_header& header, const req_call& body, framing f = framing::daemon);
[[nodiscard]] bytes
encode(const packet_header& header, const reply_call& body, framing f = framing::daemon);
[[nodiscard]] bytes
encode(const packet_header& header, const req_dmaster& body, framing f = framing::daemon);
[[nodiscard]] bytes
encode(const packet_header& header, const reply_dmaster& body, framing f = framing::daemon);
[[nodiscard]] bytes
encode(const packet_header& header, const reply_error& body, framing f = framing::daemon);
[[nodiscard]] bytes
encode(const packet_header& header, const req_message& body, framing f = framing::daemon);
[[nodiscard]] bytes
encode(const packet_header& header, const req_control& body, framing f = framing::daemon);
[[nodiscard]] bytes
encode(const packet_header& header, const reply_control& body, framing f = framing::daemon);
[[nodiscard]] bytes
encode(const packet_header& header, const keepalive& body, framing f = framing::daemon);
[[nodiscard]] bytes
encode(const packet_header& header, const req_tunnel& body, framing f = framing::daemon);
[[nodiscard]] bytes
encode(const packet_header& header, const packet_body& body, framing f = framing::daemon);

// Changes single fields of an encoded packet: relays need not build it anew. Requires:
// packet.size() >= header_size.
void patch_destnode(bytes& packet, pnn destnode) noexcept;
void patch_srcnode(bytes& packet, pnn srcnode) noexcept;
void patch_reqid(bytes& packet, ctdb::reqid reqid) noexcept;
void patch_generation(bytes& packet, ctdb::generation generation) noexcept;

} // namespace ctdb::protocol
