// Layouts of types_membership.hpp (wire-protocol.md 4.1, 4.3, 4.8).
#pragma once

#include "common/protocol/layout/layout.hpp"
#include "common/protocol/types_membership.hpp"

#include <string_view>

namespace ctdb::protocol {

template <>
struct layout<time_value> {
    static constexpr std::string_view name = "timeval";
    template <class A, class T>
    static void describe(A& a, T& x) {
        a("sec", x.seconds);
        a("usec", x.microseconds);
    }
};

template <>
struct layout<vnn_map> {
    static constexpr std::string_view name = "vnn_map";
    template <class A, class T>
    static void describe(A& a, T& x) {
        a("generation", x.generation);
        counted(a, "map", x.map, 4);
    }
};

template <>
struct layout<node_and_flags> {
    static constexpr std::string_view name = "node_and_flags";
    template <class A, class T>
    static void describe(A& a, T& x) {
        a("pnn", x.pnn);
        a("flags", x.flags);
        a("addr", x.address);
    }
};

template <>
struct layout<node_map> {
    static constexpr std::string_view name = "node_map";
    template <class A, class T>
    static void describe(A& a, T& x) {
        counted(a, "node", x.nodes, 36);
    }
};

template <>
struct layout<node_flag_change> {
    static constexpr std::string_view name = "node_flag_change";
    template <class A, class T>
    static void describe(A& a, T& x) {
        a("pnn", x.pnn);
        a("new_flags", x.new_flags);
        a("old_flags", x.old_flags);
    }
};

template <>
struct layout<ban_state> {
    static constexpr std::string_view name = "ban_state";
    template <class A, class T>
    static void describe(A& a, T& x) {
        a("pnn", x.pnn);
        a("time", x.seconds);
    }
};

template <>
struct layout<uptime> {
    static constexpr std::string_view name = "uptime";
    template <class A, class T>
    static void describe(A& a, T& x) {
        a("current_time", x.current_time);
        a("ctdbd_start_time", x.daemon_start);
        a("last_recovery_started", x.last_recovery_started);
        a("last_recovery_finished", x.last_recovery_finished);
    }
};

template <>
struct layout<election_message> {
    static constexpr std::string_view name = "election_message";
    template <class A, class T>
    static void describe(A& a, T& x) {
        a("num_connected", x.num_connected);
        a.pad(4);
        a("priority_time", x.priority_time);
        a("pnn", x.pnn);
        a("node_flags", x.node_flags);
    }
};

template <>
struct layout<srvid_message> {
    static constexpr std::string_view name = "srvid_message";
    template <class A, class T>
    static void describe(A& a, T& x) {
        a("pnn", x.pnn);
        a.pad(4);
        a("srvid", x.srvid);
    }
};

template <>
struct layout<disable_message> {
    static constexpr std::string_view name = "disable_message";
    template <class A, class T>
    static void describe(A& a, T& x) {
        a("pnn", x.pnn);
        a.pad(4);
        a("srvid", x.srvid);
        a("timeout", x.seconds);
        a.pad(4);
    }
};

template <>
struct layout<notify_data> {
    static constexpr std::string_view name = "notify_data";
    template <class A, class T>
    static void describe(A& a, T& x) {
        a("srvid", x.srvid);
        a.blob("data", x.data);
    }
};

} // namespace ctdb::protocol
