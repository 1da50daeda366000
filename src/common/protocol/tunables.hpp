// The tunables: 62 numbers, each with a slot on the wire, a name, a default
// (wire-protocol.md 6.11).
//
// One table; obsolete ones can be set and read but do nothing and are not listed. tunable_list
// starts with the defaults.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace ctdb::protocol {

inline constexpr std::size_t tunable_count = 62;

// The value is the slot: index into tunable_list.
enum class tunable_id : std::uint32_t {
    max_redirect_count,
    seqnum_interval,
    control_timeout,
    traverse_timeout,
    keepalive_interval,
    keepalive_limit,
    recover_timeout,
    recover_interval,
    election_timeout,
    takeover_timeout,
    monitor_interval,
    tickle_update_interval,
    event_script_timeout,
    monitor_timeout_count,
    event_script_unhealthy_on_timeout,
    recovery_grace_period,
    recovery_ban_period,
    database_hash_size,
    database_max_dead,
    rerecovery_timeout,
    enable_bans,
    deterministic_ips,
    reclock_ping_period,
    no_ip_failback,
    disable_ip_failover,
    verbose_memory_names,
    recd_ping_timeout,
    recd_fail_count,
    log_latency_ms,
    rec_lock_latency_ms,
    recovery_drop_all_ips,
    verify_recovery_lock,
    vacuum_interval,
    vacuum_max_run_time,
    repack_limit,
    vacuum_limit,
    max_queue_drop_msg,
    allow_unhealthy_db_read,
    stat_history_interval,
    deferred_attach_to,
    vacuum_fast_path_count,
    lcp2_public_ips,
    allow_client_db_attach,
    recover_pdb_by_seqnum,
    deferred_rebalance_on_node_add,
    fetch_collapse,
    hopcount_make_sticky,
    sticky_duration,
    sticky_pindown,
    no_ip_takeover,
    db_record_count_warn,
    db_record_size_warn,
    db_size_warn,
    pull_db_preallocation,
    no_ip_host_on_all_disabled,
    samba3_avoid_deadlocks,
    tdb_mutex_enabled,
    lock_processes_per_db,
    rec_buffer_size_limit,
    queue_buffer_size,
    ip_alloc_algorithm,
    allow_mixed_versions,
};

struct tunable_info {
    tunable_id id{};
    std::string_view name; // as listed and shown; looked up without regard to case
    std::uint32_t default_value = 0;
    std::uint32_t list_order = 0; // position in LIST_TUNABLES from 1; 0 = obsolete, not listed

    [[nodiscard]] constexpr bool obsolete() const noexcept { return list_order == 0; }
};

// All of them in slot order.
[[nodiscard]] std::span<const tunable_info, tunable_count> tunables() noexcept;
// Those that LIST_TUNABLES names, in its order.
[[nodiscard]] std::vector<tunable_info> listed_tunables();
// Ignores case; nullptr if there is none.
[[nodiscard]] const tunable_info* find_tunable(std::string_view name) noexcept;
[[nodiscard]] const tunable_info& info(tunable_id id) noexcept;

struct tunable_list {
    std::array<std::uint32_t, tunable_count> values;

    tunable_list() noexcept; // the defaults
    [[nodiscard]] std::uint32_t operator[](tunable_id id) const noexcept {
        return values[static_cast<std::size_t>(id)];
    }
    [[nodiscard]] std::uint32_t& operator[](tunable_id id) noexcept {
        return values[static_cast<std::size_t>(id)];
    }
    bool operator==(const tunable_list&) const = default;
};

} // namespace ctdb::protocol
