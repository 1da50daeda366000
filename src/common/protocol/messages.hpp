// Every message with a fixed address, declared once: address and payload (wire-protocol.md 5).
//
//   bytes data = encode(messages::leader::payload{node});   // or
//   encode_message<messages::leader>(node)
//
// recovery is a range: its address is the base plus a counter.
#pragma once

#include "common/protocol/codec.hpp"
#include "common/protocol/srvids.hpp"
#include "common/protocol/types_address.hpp"
#include "common/protocol/types_membership.hpp"
#include "common/protocol/types_record.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>

namespace ctdb::protocol {

template <class Payload>
struct message {
    using payload = Payload;
};

template <class Message>
[[nodiscard]] bytes encode_message(const typename Message::payload& payload) {
    return encode(payload);
}
template <class Message>
[[nodiscard]] result<typename Message::payload> decode_message(byte_view data) {
    return decode<typename Message::payload>(data);
}

// "LEADER", "SAMBA_RANGE", "PID_RANGE", "UNIQUE_ID".
[[nodiscard]] std::string_view srvid_name(srvid address) noexcept;

namespace messages {

struct recovery : message<record_buffer> {
    static constexpr srvid address = srvids::recovery;
};
struct banning : message<pnn> {
    static constexpr srvid address = srvids::banning;
};
struct election : message<election_message> {
    static constexpr srvid address = srvids::election;
};
struct leader : message<pnn> { // unknown_pnn: election wanted
    static constexpr srvid address = srvids::leader;
};
struct reconfigure : message<none> {
    static constexpr srvid address = srvids::reconfigure;
};
struct release_ip : message<std::string> {
    static constexpr srvid address = srvids::release_ip;
};
struct take_ip : message<std::string> {
    static constexpr srvid address = srvids::take_ip;
};
struct ip_reallocated : message<none> {
    static constexpr srvid address = srvids::ip_reallocated;
};
struct start_ip_reallocate : message<none> {
    static constexpr srvid address = srvids::start_ip_reallocate;
};
struct set_node_flags : message<node_flag_change> {
    static constexpr srvid address = srvids::set_node_flags;
};
struct recd_update_ip : message<public_ip> {
    static constexpr srvid address = srvids::recd_update_ip;
};
struct vacuum_fetch : message<record_buffer> {
    static constexpr srvid address = srvids::vacuum_fetch;
};
struct detach_database : message<db_id> {
    static constexpr srvid address = srvids::detach_database;
};
struct mem_dump : message<srvid_message> { // answered with plain_text
    static constexpr srvid address = srvids::mem_dump;
};
struct getlog : message<none> {
    static constexpr srvid address = srvids::getlog;
};
struct clearlog : message<none> {
    static constexpr srvid address = srvids::clearlog;
};
struct push_node_flags : message<node_flag_change> {
    static constexpr srvid address = srvids::push_node_flags;
};
struct reload_nodes : message<none> {
    static constexpr srvid address = srvids::reload_nodes;
};
struct takeover_run : message<srvid_message> { // answered with i32: pnn or negative
    static constexpr srvid address = srvids::takeover_run;
};
struct rebalance_node : message<pnn> {
    static constexpr srvid address = srvids::rebalance_node;
};
struct disable_takeover_runs : message<disable_message> { // answered with i32
    static constexpr srvid address = srvids::disable_takeover_runs;
};
struct disable_recoveries : message<disable_message> { // answered with i32
    static constexpr srvid address = srvids::disable_recoveries;
};
struct disable_ip_check : message<std::uint32_t> { // seconds
    static constexpr srvid address = srvids::disable_ip_check;
};

} // namespace messages

using all_messages = std::tuple<
    messages::recovery,
    messages::banning,
    messages::election,
    messages::leader,
    messages::reconfigure,
    messages::release_ip,
    messages::take_ip,
    messages::ip_reallocated,
    messages::start_ip_reallocate,
    messages::set_node_flags,
    messages::recd_update_ip,
    messages::vacuum_fetch,
    messages::detach_database,
    messages::mem_dump,
    messages::getlog,
    messages::clearlog,
    messages::push_node_flags,
    messages::reload_nodes,
    messages::takeover_run,
    messages::rebalance_node,
    messages::disable_takeover_runs,
    messages::disable_recoveries,
    messages::disable_ip_check>;

} // namespace ctdb::protocol
