// Layouts of types_statistics.hpp (wire-protocol.md 4.10, 4.8).
#pragma once

#include "common/protocol/layout/layout.hpp"
#include "common/protocol/types_statistics.hpp"

#include <string_view>

namespace ctdb::protocol {

template <>
struct layout<latency_counter> {
    static constexpr std::string_view name = "latency_counter";
    template <class A, class T>
    static void describe(A& a, T& x) {
        a("num", x.num);
        a.pad(4);
        a("min", x.min);
        a("max", x.max);
        a("total", x.total);
    }
};

template <>
struct layout<statistics> {
    static constexpr std::string_view name = "statistics";
    template <class A, class T>
    static void describe(A& a, T& x) {
        a("num_clients", x.num_clients);
        a("frozen", x.frozen);
        a("recovering", x.recovering);
        a("client_packets_sent", x.client_packets_sent);
        a("client_packets_recv", x.client_packets_recv);
        a("node_packets_sent", x.node_packets_sent);
        a("node_packets_recv", x.node_packets_recv);
        a("keepalive_packets_sent", x.keepalive_packets_sent);
        a("keepalive_packets_recv", x.keepalive_packets_recv);
        a("node.req_call", x.node.req_call);
        a("node.reply_call", x.node.reply_call);
        a("node.req_dmaster", x.node.req_dmaster);
        a("node.reply_dmaster", x.node.reply_dmaster);
        a("node.reply_error", x.node.reply_error);
        a("node.req_message", x.node.req_message);
        a("node.req_control", x.node.req_control);
        a("node.reply_control", x.node.reply_control);
        a("node.req_tunnel", x.node.req_tunnel);
        a("client.req_call", x.client.req_call);
        a("client.req_message", x.client.req_message);
        a("client.req_control", x.client.req_control);
        a("client.req_tunnel", x.client.req_tunnel);
        a("timeouts.call", x.timeouts.call);
        a("timeouts.control", x.timeouts.control);
        a("timeouts.traverse", x.timeouts.traverse);
        a.pad(4);
        a("reclock.ctdbd", x.reclock_daemon);
        a("reclock.recd", x.reclock_recovery);
        a("locks.num_calls", x.locks.num_calls);
        a("locks.num_current", x.locks.num_current);
        a("locks.num_pending", x.locks.num_pending);
        a("locks.num_failed", x.locks.num_failed);
        a("locks.latency", x.locks.latency);
        a.array("locks.buckets", x.locks.buckets);
        a("total_calls", x.total_calls);
        a("pending_calls", x.pending_calls);
        a("childwrite_calls", x.childwrite_calls);
        a("pending_childwrite_calls", x.pending_childwrite_calls);
        a("memory_used", x.memory_used);
        a("__last_counter", x.last_counter);
        a("max_hop_count", x.max_hop_count);
        a.array("hop_count_bucket", x.hop_count_buckets);
        a.pad(4);
        a("call_latency", x.call_latency);
        a("childwrite_latency", x.childwrite_latency);
        a("num_recoveries", x.num_recoveries);
        a.pad(4);
        a("statistics_start_time", x.start_time);
        a("statistics_current_time", x.current_time);
        a("total_ro_delegations", x.total_ro_delegations);
        a("total_ro_revokes", x.total_ro_revokes);
    }
};

template <>
struct layout<statistics_list> {
    static constexpr std::string_view name = "statistics_list";
    template <class A, class T>
    static void describe(A& a, T& x) {
        a.count("stats", x.stats, 488);
        a.pad(4);
        a.elements("stats", x.stats);
    }
};

// Everything before the hot keys; those are in codec_statistics.cpp.
template <>
struct layout<db_statistics> {
    static constexpr std::string_view name = "db_statistics";
    template <class A, class T>
    static void describe(A& a, T& x) {
        a("locks.num_calls", x.locks.num_calls);
        a("locks.num_current", x.locks.num_current);
        a("locks.num_pending", x.locks.num_pending);
        a("locks.num_failed", x.locks.num_failed);
        a("locks.latency", x.locks.latency);
        a.array("locks.buckets", x.locks.buckets);
        a("vacuum.latency", x.vacuum_latency);
        a("db_ro_delegations", x.ro_delegations);
        a("db_ro_revokes", x.ro_revokes);
        a.array("hop_count_bucket", x.hop_count_buckets);
    }
};

template <>
struct layout<script> {
    static constexpr std::string_view name = "script";
    template <class A, class T>
    static void describe(A& a, T& x) {
        a.fixed_text("name", x.name, 32);
        a("start", x.start);
        a("finished", x.finished);
        a("status", x.status);
        a.fixed_text("output", x.output, 512);
        a.pad(4);
    }
};

template <>
struct layout<script_list> {
    static constexpr std::string_view name = "script_list";
    template <class A, class T>
    static void describe(A& a, T& x) {
        a.count("script", x.scripts, 584);
        a.pad(4);
        a.elements("script", x.scripts);
    }
};

} // namespace ctdb::protocol
