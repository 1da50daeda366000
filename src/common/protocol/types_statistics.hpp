// Counters of a daemon and of a database (4.10); results of event scripts (4.8), which no live
// control carries any more.
#pragma once

#include "common/protocol/codec.hpp"
#include "common/protocol/types_membership.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace ctdb::protocol {

// Seconds.
struct latency_counter {
    std::int32_t num = 0;
    double min = 0;
    double max = 0;
    double total = 0;
    bool operator==(const latency_counter&) const = default;

    void add(double seconds) noexcept;
};

using count_buckets = std::array<std::uint32_t, 16>;

// Locks: below 1 ms, 10 ms, 100 ms, 1 s, 2 s, ... 64 s, above.
[[nodiscard]] std::size_t lock_bucket(double seconds) noexcept;
// Hops: number of significant bits of the hop count.
[[nodiscard]] std::size_t hop_bucket(std::uint32_t hopcount) noexcept;

struct node_counters {
    std::uint32_t req_call = 0;
    std::uint32_t reply_call = 0;
    std::uint32_t req_dmaster = 0;
    std::uint32_t reply_dmaster = 0;
    std::uint32_t reply_error = 0;
    std::uint32_t req_message = 0;
    std::uint32_t req_control = 0;
    std::uint32_t reply_control = 0;
    std::uint32_t req_tunnel = 0;
    bool operator==(const node_counters&) const = default;
};

struct client_counters {
    std::uint32_t req_call = 0;
    std::uint32_t req_message = 0;
    std::uint32_t req_control = 0;
    std::uint32_t req_tunnel = 0;
    bool operator==(const client_counters&) const = default;
};

struct timeout_counters {
    std::uint32_t call = 0;
    std::uint32_t control = 0;
    std::uint32_t traverse = 0;
    bool operator==(const timeout_counters&) const = default;
};

struct lock_counters {
    std::uint32_t num_calls = 0;
    std::uint32_t num_current = 0;
    std::uint32_t num_pending = 0;
    std::uint32_t num_failed = 0;
    latency_counter latency{};
    count_buckets buckets{};
    bool operator==(const lock_counters&) const = default;
};

struct statistics {
    std::uint32_t num_clients = 0;
    std::uint32_t frozen = 0;
    std::uint32_t recovering = 0;
    std::uint32_t client_packets_sent = 0;
    std::uint32_t client_packets_recv = 0;
    std::uint32_t node_packets_sent = 0;
    std::uint32_t node_packets_recv = 0;
    std::uint32_t keepalive_packets_sent = 0;
    std::uint32_t keepalive_packets_recv = 0;
    node_counters node{};
    client_counters client{};
    timeout_counters timeouts{};
    latency_counter reclock_daemon{};
    latency_counter reclock_recovery{};
    lock_counters locks{};
    std::uint32_t total_calls = 0;
    std::uint32_t pending_calls = 0;
    std::uint32_t childwrite_calls = 0;
    std::uint32_t pending_childwrite_calls = 0;
    std::uint32_t memory_used = 0;
    std::uint32_t last_counter = 0; // end mark of the counter block, no meaning
    std::uint32_t max_hop_count = 0;
    count_buckets hop_count_buckets{};
    latency_counter call_latency{};
    latency_counter childwrite_latency{};
    std::uint32_t num_recoveries = 0;
    time_value start_time{};
    time_value current_time{};
    std::uint32_t total_ro_delegations = 0;
    std::uint32_t total_ro_revokes = 0;
    bool operator==(const statistics&) const = default;
};

struct statistics_list {
    std::vector<statistics> stats{}; // newest first; GET_STAT_HISTORY always answers 100
    bool operator==(const statistics_list&) const = default;
};

struct hot_key {
    std::uint32_t count = 0;
    bytes key{};
    bool operator==(const hot_key&) const = default;
};

inline constexpr std::size_t hot_key_count = 10;

struct db_statistics {
    lock_counters locks{};
    latency_counter vacuum_latency{};
    std::uint32_t ro_delegations = 0;
    std::uint32_t ro_revokes = 0;
    count_buckets hop_count_buckets{};
    std::uint32_t num_hot_keys = hot_key_count; // always 10 on the wire
    std::array<hot_key, hot_key_count> hot_keys{};
    bool operator==(const db_statistics&) const = default;
};

struct script {
    std::string name{}; // at most 31 characters on the wire
    time_value start{};
    time_value finished{};
    std::int32_t status = 0;
    std::string output{}; // at most 511
    bool operator==(const script&) const = default;
};

struct script_list {
    std::vector<script> scripts{};
    bool operator==(const script_list&) const = default;
};

// The addresses that upstream sends between the counts and lengths of the hot keys are ignored, and
// zero from us.
template <>
struct codec<db_statistics> {
    static std::string_view name() noexcept { return "db_statistics"; }
    static void put(writer& out, const db_statistics& stats);
    static void get(reader& in, db_statistics& stats);
};

template <>
inline constexpr trailing trailing_bytes<statistics_list> = trailing::tolerated;
template <>
inline constexpr trailing trailing_bytes<db_statistics> = trailing::tolerated;
template <>
inline constexpr trailing trailing_bytes<script_list> = trailing::tolerated;

} // namespace ctdb::protocol
