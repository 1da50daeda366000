#include "common/protocol/tunables.hpp"

#include <algorithm>

namespace ctdb::protocol {
namespace {

using t = tunable_id;

constexpr std::array<tunable_info, tunable_count> table{{
    {t::max_redirect_count, "MaxRedirectCount", 3, 0},
    {t::seqnum_interval, "SeqnumInterval", 1000, 1},
    {t::control_timeout, "ControlTimeout", 60, 2},
    {t::traverse_timeout, "TraverseTimeout", 20, 3},
    {t::keepalive_interval, "KeepaliveInterval", 5, 4},
    {t::keepalive_limit, "KeepaliveLimit", 5, 5},
    {t::recover_timeout, "RecoverTimeout", 30, 6},
    {t::recover_interval, "RecoverInterval", 1, 7},
    {t::election_timeout, "ElectionTimeout", 3, 8},
    {t::takeover_timeout, "TakeoverTimeout", 9, 9},
    {t::monitor_interval, "MonitorInterval", 15, 10},
    {t::tickle_update_interval, "TickleUpdateInterval", 20, 11},
    {t::event_script_timeout, "EventScriptTimeout", 30, 12},
    {t::monitor_timeout_count, "MonitorTimeoutCount", 20, 13},
    {t::event_script_unhealthy_on_timeout, "EventScriptUnhealthyOnTimeout", 0, 0},
    {t::recovery_grace_period, "RecoveryGracePeriod", 120, 14},
    {t::recovery_ban_period, "RecoveryBanPeriod", 300, 15},
    {t::database_hash_size, "DatabaseHashSize", 100001, 16},
    {t::database_max_dead, "DatabaseMaxDead", 5, 17},
    {t::rerecovery_timeout, "RerecoveryTimeout", 10, 18},
    {t::enable_bans, "EnableBans", 1, 19},
    {t::deterministic_ips, "DeterministicIPs", 0, 0},
    {t::reclock_ping_period, "ReclockPingPeriod", 60, 0},
    {t::no_ip_failback, "NoIPFailback", 0, 20},
    {t::disable_ip_failover, "DisableIPFailover", 0, 0},
    {t::verbose_memory_names, "VerboseMemoryNames", 0, 21},
    {t::recd_ping_timeout, "RecdPingTimeout", 60, 22},
    {t::recd_fail_count, "RecdFailCount", 10, 23},
    {t::log_latency_ms, "LogLatencyMs", 0, 24},
    {t::rec_lock_latency_ms, "RecLockLatencyMs", 1000, 25},
    {t::recovery_drop_all_ips, "RecoveryDropAllIPs", 120, 26},
    {t::verify_recovery_lock, "VerifyRecoveryLock", 1, 0},
    {t::vacuum_interval, "VacuumInterval", 10, 27},
    {t::vacuum_max_run_time, "VacuumMaxRunTime", 120, 28},
    {t::repack_limit, "RepackLimit", 10000, 29},
    {t::vacuum_limit, "VacuumLimit", 5000, 0},
    {t::max_queue_drop_msg, "MaxQueueDropMsg", 1000000, 31},
    {t::allow_unhealthy_db_read, "AllowUnhealthyDBRead", 0, 32},
    {t::stat_history_interval, "StatHistoryInterval", 1, 33},
    {t::deferred_attach_to, "DeferredAttachTO", 120, 34},
    {t::vacuum_fast_path_count, "VacuumFastPathCount", 60, 30},
    {t::lcp2_public_ips, "LCP2PublicIPs", 1, 0},
    {t::allow_client_db_attach, "AllowClientDBAttach", 1, 35},
    {t::recover_pdb_by_seqnum, "RecoverPDBBySeqNum", 1, 0},
    {t::deferred_rebalance_on_node_add, "DeferredRebalanceOnNodeAdd", 300, 0},
    {t::fetch_collapse, "FetchCollapse", 1, 36},
    {t::hopcount_make_sticky, "HopcountMakeSticky", 50, 37},
    {t::sticky_duration, "StickyDuration", 600, 38},
    {t::sticky_pindown, "StickyPindown", 200, 39},
    {t::no_ip_takeover, "NoIPTakeover", 0, 40},
    {t::db_record_count_warn, "DBRecordCountWarn", 100000, 41},
    {t::db_record_size_warn, "DBRecordSizeWarn", 10000000, 42},
    {t::db_size_warn, "DBSizeWarn", 100000000, 43},
    {t::pull_db_preallocation, "PullDBPreallocation", 10485760, 44},
    {t::no_ip_host_on_all_disabled, "NoIPHostOnAllDisabled", 1, 0},
    {t::samba3_avoid_deadlocks, "Samba3AvoidDeadlocks", 0, 0},
    {t::tdb_mutex_enabled, "TDBMutexEnabled", 1, 0},
    {t::lock_processes_per_db, "LockProcessesPerDB", 200, 45},
    {t::rec_buffer_size_limit, "RecBufferSizeLimit", 1000000, 46},
    {t::queue_buffer_size, "QueueBufferSize", 1024, 47},
    {t::ip_alloc_algorithm, "IPAllocAlgorithm", 2, 48},
    {t::allow_mixed_versions, "AllowMixedVersions", 0, 49},
}};

constexpr char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_name(std::string_view a, std::string_view b) noexcept {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
        return lower(x) == lower(y);
    });
}

} // namespace

std::span<const tunable_info, tunable_count> tunables() noexcept {
    return table;
}

std::vector<tunable_info> listed_tunables() {
    std::vector<tunable_info> listed;
    std::copy_if(table.begin(), table.end(), std::back_inserter(listed), [](const tunable_info& i) {
        return !i.obsolete();
    });
    std::sort(listed.begin(), listed.end(), [](const tunable_info& a, const tunable_info& b) {
        return a.list_order < b.list_order;
    });
    return listed;
}

const tunable_info* find_tunable(std::string_view name) noexcept {
    const auto* const found = std::find_if(table.begin(), table.end(), [name](const auto& i) {
        return same_name(i.name, name);
    });
    return found == table.end() ? nullptr : found;
}

const tunable_info& info(tunable_id id) noexcept {
    return table[static_cast<std::size_t>(id)];
}

tunable_list::tunable_list() noexcept : values{} {
    for (const tunable_info& i : table) {
        (*this)[i.id] = i.default_value;
    }
}

} // namespace ctdb::protocol
