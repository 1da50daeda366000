// Nodes and cluster state: node map, vnn map, bans, elections, uptime, messages between recovery
// daemons (4.3, 4.8).
#pragma once

#include "common/base/ids.hpp"
#include "common/protocol/codec.hpp"
#include "common/protocol/constants.hpp"
#include "common/protocol/sock_addr.hpp"

#include <cstdint>
#include <vector>

namespace ctdb::protocol {

// A moment of wall-clock time; all zero = never.
struct time_value {
    std::int64_t seconds = 0;
    std::int64_t microseconds = 0;
    bool operator==(const time_value&) const = default;
};

// Location masters: lmaster of a key = map[hash(key) mod size]. An empty map is decoded but must
// not be used.
struct vnn_map {
    ctdb::generation generation{};
    std::vector<pnn> map{};
    bool operator==(const vnn_map&) const = default;
};

struct node_and_flags {
    ctdb::pnn pnn{};
    node_flags flags{};
    sock_addr address{};
    bool operator==(const node_and_flags&) const = default;
};

// Every node, deleted ones included, in PNN order.
struct node_map {
    std::vector<node_and_flags> nodes{};
    bool operator==(const node_map&) const = default;
};

struct node_flag_change {
    ctdb::pnn pnn{};
    node_flags new_flags{};
    node_flags old_flags{}; // ignored by receivers
    bool operator==(const node_flag_change&) const = default;
};

struct ban_state {
    ctdb::pnn pnn{};
    std::uint32_t seconds = 0; // 0: not banned, or unban
    bool operator==(const ban_state&) const = default;
};

struct uptime {
    time_value current_time{};
    time_value daemon_start{};
    time_value last_recovery_started{};
    time_value last_recovery_finished{};
    bool operator==(const uptime&) const = default;
};

struct election_message {
    std::uint32_t num_connected = 0;
    time_value priority_time{};
    ctdb::pnn pnn{};
    protocol::node_flags node_flags{};
    bool operator==(const election_message&) const = default;
};

// MEM_DUMP, TAKEOVER_RUN: answer to `srvid` on node `pnn`; srvid 0 = no answer wanted.
struct srvid_message {
    ctdb::pnn pnn{};
    ctdb::srvid srvid{};
    bool operator==(const srvid_message&) const = default;
};

// DISABLE_TAKEOVER_RUNS, DISABLE_RECOVERIES.
struct disable_message {
    ctdb::pnn pnn{};
    ctdb::srvid srvid{};
    std::uint32_t seconds = 0; // 0 = enable again
    bool operator==(const disable_message&) const = default;
};

// REGISTER_NOTIFY: sent to `srvid` everywhere when the registering client disconnects.
struct notify_data {
    ctdb::srvid srvid{};
    bytes data{};
    bool operator==(const notify_data&) const = default;
};

template <>
inline constexpr trailing trailing_bytes<vnn_map> = trailing::tolerated;
template <>
inline constexpr trailing trailing_bytes<node_map> = trailing::tolerated;

} // namespace ctdb::protocol
