// The protocol's numbers by name: operations, reserved nodes, flags, modes, call ids
// (wire-protocol.md 2, 6). Message addresses are in srvids.hpp, control opcodes in controls.hpp.
#pragma once

#include "common/base/ids.hpp"
#include "common/protocol/flags.hpp"

#include <cstdint>

namespace ctdb::protocol {

inline constexpr std::uint32_t packet_magic = 0x43544442; // CTDB_MAGIC
inline constexpr std::uint32_t packet_version = 1;        // CTDB_PROTOCOL
inline constexpr std::uint16_t node_port = 4379;          // CTDB_PORT

enum class operation : std::uint32_t {
    req_call = 0,
    reply_call = 1,
    req_dmaster = 2,
    reply_dmaster = 3,
    reply_error = 4,
    req_message = 5,
    req_control = 7,
    reply_control = 8,
    keepalive = 9,
    req_tunnel = 10,
};

// 6.1 Reserved node numbers; unknown_pnn is in common/base/ids.hpp.
inline constexpr pnn current_node{0xF0000001};        // CTDB_CURRENT_NODE
inline constexpr pnn broadcast_all{0xF0000002};       // CTDB_BROADCAST_ALL
inline constexpr pnn broadcast_active{0xF0000003};    // CTDB_BROADCAST_ACTIVE
inline constexpr pnn broadcast_connected{0xF0000004}; // CTDB_BROADCAST_CONNECTED
inline constexpr pnn multicast{0xF0000005};           // CTDB_MULTICAST: nobody implements it

[[nodiscard]] constexpr bool is_broadcast(pnn node) noexcept {
    return node == broadcast_all || node == broadcast_active || node == broadcast_connected;
}

// 6.2
enum class node_flag : std::uint32_t {
    disconnected = 0x01,
    unhealthy = 0x02,
    permanently_disabled = 0x04,
    banned = 0x08,
    deleted = 0x10,
    stopped = 0x20,
};
template <>
inline constexpr bool is_flag_enum<node_flag> = true;
using node_flags = flag_set<node_flag>;

inline constexpr node_flags disabled_mask = node_flag::unhealthy | node_flag::permanently_disabled;
inline constexpr node_flags inactive_mask =
    node_flag::disconnected | node_flag::banned | node_flag::deleted | node_flag::stopped;

[[nodiscard]] constexpr bool is_inactive(node_flags f) noexcept {
    return f.has_any(inactive_mask);
}
[[nodiscard]] constexpr bool is_disabled(node_flags f) noexcept {
    return f.has_any(disabled_mask);
}
[[nodiscard]] constexpr bool is_connected(node_flags f) noexcept {
    return !f.has_any(node_flag::disconnected | node_flag::deleted);
}

// 6.3
enum class capability : std::uint32_t {
    recmaster = 0x00000001,
    lmaster = 0x00000002,
    lvs = 0x00000004,   // obsolete
    natgw = 0x00000008, // obsolete
    parallel_recovery = 0x00010000,
    fragmented_controls = 0x00020000,
    ours = 0x01000000, // private: the node runs this implementation; peers ignore unknown bits
};
template <>
inline constexpr bool is_flag_enum<capability> = true;
using capabilities = flag_set<capability>;
inline constexpr capabilities upstream_capabilities = capability::recmaster | capability::lmaster |
                                                      capability::parallel_recovery |
                                                      capability::fragmented_controls;

// 6.4 One byte in dbid_map, 64 bits in backup files; neither persistent nor replicated = volatile.
enum class db_flag : std::uint8_t {
    persistent = 0x01,
    readonly = 0x02,
    sticky = 0x04,
    replicated = 0x08,
};
template <>
inline constexpr bool is_flag_enum<db_flag> = true;
using db_flags = flag_set<db_flag>;
[[nodiscard]] constexpr bool is_volatile(db_flags f) noexcept {
    return !f.has_any(db_flag::persistent | db_flag::replicated);
}

// 6.5
enum class record_flag : std::uint32_t {
    persistent = 0x00000001,
    persistent_in_progress = 0x00000002,
    migrated_with_data = 0x00010000,
    vacuum_migrated = 0x00020000, // never stored
    automatic = 0x00040000,       // never stored
    ro_have_delegations = 0x01000000,
    ro_have_readonly = 0x02000000,
    ro_revoking_readonly = 0x04000000,
    ro_revoke_complete = 0x08000000,
};
template <>
inline constexpr bool is_flag_enum<record_flag> = true;
using record_flags = flag_set<record_flag>;
inline constexpr record_flags readonly_mask =
    record_flag::ro_have_delegations | record_flag::ro_have_readonly |
    record_flag::ro_revoking_readonly | record_flag::ro_revoke_complete;

// 6.6 Bits 16-31 mean something else for each opcode.
enum class control_flag : std::uint32_t {
    noreply = 0x00000001,
    only_available = 0x00010000,  // GET_PUBLIC_IPS
    attach_recovery = 0x00020000, // DB_ATTACH*
};
template <>
inline constexpr bool is_flag_enum<control_flag> = true;
using control_flags = flag_set<control_flag>;

// 6.7
enum class call_flag : std::uint32_t {
    immediate_migration = 0x1,
    vacuum_migration = 0x2,
    want_readonly = 0x4,
};
template <>
inline constexpr bool is_flag_enum<call_flag> = true;
using call_flags = flag_set<call_flag>;

enum class tunnel_flag : std::uint32_t { request = 0x01, reply = 0x02, noreply = 0x10 };
template <>
inline constexpr bool is_flag_enum<tunnel_flag> = true;
using tunnel_flags = flag_set<tunnel_flag>;
inline constexpr std::uint64_t test_tunnel_id = 0xFFFFFFFF00000000;

// tdb open flags as DB_OPEN_FLAGS answers them (7.4).
enum class tdb_flag : std::int32_t {
    clear_if_first = 0x1,
    nosync = 0x40,
    seqnum = 0x80,
    disallow_nesting = 0x400,
    incompatible_hash = 0x800,
    mutex_locking = 0x1000,
};
template <>
inline constexpr bool is_flag_enum<tdb_flag> = true;
using tdb_flags = flag_set<tdb_flag>;

// 2.1
enum class call_id : std::uint32_t {
    null = 0xFF000001,
    fetch = 0xFF000002,
    fetch_with_header = 0xFF000003,
};

// 6.8
enum class run_state : std::uint32_t {
    unknown = 0,
    init = 1,
    setup = 2,
    first_recovery = 3,
    startup = 4,
    running = 5,
    shutdown = 6,
};

// 6.9
enum class recovery_mode : std::uint32_t { normal = 0, active = 1 };

// 6.12
namespace status {
inline constexpr std::int32_t ok = 0;
inline constexpr std::int32_t failed = -1;
inline constexpr std::int32_t obsolete_tunable = 1;
inline constexpr std::int32_t unknown_address = 1; // tickle lists
inline constexpr std::int32_t commit_timeout = 1;
inline constexpr std::int32_t not_registered = 2; // DEREGISTER_SRVID
inline constexpr std::int32_t commit_ended_by_recovery = 2;
inline constexpr std::int32_t unknown_tunable = -22;
} // namespace status

// KEEPALIVE announces (major << 16) | minor (2.9).
[[nodiscard]] constexpr std::uint32_t
release_version(std::uint16_t major_number, std::uint16_t minor_number) noexcept {
    return (std::uint32_t{major_number} << 16U) | minor_number;
}

} // namespace ctdb::protocol
