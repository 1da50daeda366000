// Message addresses by name and their ranges (wire-protocol.md 5). Payloads are declared in
// messages.hpp.
#pragma once

#include "common/base/ids.hpp"

#include <cstdint>

namespace ctdb::protocol::srvids {

inline constexpr srvid all{0xFFFFFFFFFFFFFFFF};      // register to get a copy of every message
inline constexpr srvid recovery{0xF001000000000000}; // + a counter: pull and push of records
inline constexpr srvid banning{0xF002000000000000};
inline constexpr srvid election{0xF100000000000000};
inline constexpr srvid leader{0xF101000000000000};
inline constexpr srvid reconfigure{0xF200000000000000};
inline constexpr srvid release_ip{0xF300000000000000};
inline constexpr srvid take_ip{0xF301000000000000};
inline constexpr srvid ip_reallocated{0xF302000000000000};
inline constexpr srvid start_ip_reallocate{0xF303000000000000};
inline constexpr srvid set_node_flags{0xF400000000000000};
inline constexpr srvid recd_update_ip{0xF500000000000000};
inline constexpr srvid vacuum_fetch{0xF700000000000000};
inline constexpr srvid detach_database{0xF701000000000000};
inline constexpr srvid mem_dump{0xF800000000000000};
inline constexpr srvid getlog{0xF801000000000000};
inline constexpr srvid clearlog{0xF802000000000000};
inline constexpr srvid push_node_flags{0xF900000000000000};
inline constexpr srvid reload_nodes{0xFA00000000000000};
inline constexpr srvid takeover_run{0xFB00000000000000};
inline constexpr srvid rebalance_node{0xFB01000000000000};
inline constexpr srvid disable_takeover_runs{0xFB03000000000000};
inline constexpr srvid disable_recoveries{0xFB04000000000000};
inline constexpr srvid disable_ip_check{0xFC00000000000000};

inline constexpr srvid samba_notify{0xFE00000000000000};
inline constexpr srvid samba_notify_proxy{0xFE00000000000001};
inline constexpr srvid samba_process{0xFE00000000000002};

// Ranges: the top byte tells the owner.
inline constexpr srvid tool_range{0xCE00000000000000};
inline constexpr srvid tool_restore{0xCE02000000000000};    // push target of restoredb
inline constexpr srvid client_range{0xBE00000000000000};    // + pid: traverse of a client
inline constexpr srvid lock_turn_range{0xBE01000000000000}; // ours, not upstream's
inline constexpr srvid test_range{0xAE00000000000000};
inline constexpr srvid server_range{0x9E00000000000000}; // answers to daemons

// Answers to the tool: one per process and counter value.
[[nodiscard]] constexpr srvid tool_answer(std::uint32_t pid, std::uint16_t counter) noexcept {
    return srvid{0xCE01000000000000 | (std::uint64_t{pid & 0xFFFFU} << 16U) | counter};
}
// "Your turn" for a process that waits for a lock in g_lock.tdb: one per process and task. Empty.
[[nodiscard]] constexpr srvid lock_turn(std::uint32_t pid, std::uint32_t task) noexcept {
    return srvid{
        lock_turn_range.value | (std::uint64_t{pid & 0xFFFFFFU} << 24U) | (task & 0xFFFFFFU)};
}
[[nodiscard]] constexpr bool is_lock_turn(srvid address) noexcept {
    return address.value >> 48U == lock_turn_range.value >> 48U;
}
// Answer to a shutting-down daemon's TAKEOVER_RUN.
[[nodiscard]] constexpr srvid shutdown_answer(pnn node) noexcept {
    return srvid{server_range.value | (std::uint64_t{node.value & 0xFFFFFFU} << 32U)};
}
// The address of a process: its pid.
[[nodiscard]] constexpr srvid process(std::uint32_t pid) noexcept {
    return srvid{pid};
}

} // namespace ctdb::protocol::srvids
