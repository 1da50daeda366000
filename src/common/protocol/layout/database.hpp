// Layouts of types_database.hpp (wire-protocol.md 4.4, 4.6, 4.8).
#pragma once

#include "common/protocol/layout/layout.hpp"
#include "common/protocol/types_database.hpp"

#include <string_view>

namespace ctdb::protocol {

template <>
struct layout<dbid> {
    static constexpr std::string_view name = "dbid";
    template <class A, class T>
    static void describe(A& a, T& x) {
        a("db_id", x.db_id);
        a("flags", x.flags);
        a.pad(3);
    }
};

template <>
struct layout<dbid_map> {
    static constexpr std::string_view name = "dbid_map";
    template <class A, class T>
    static void describe(A& a, T& x) {
        counted(a, "dbs", x.dbs, 8);
    }
};

template <>
struct layout<pulldb> {
    static constexpr std::string_view name = "pulldb";
    template <class A, class T>
    static void describe(A& a, T& x) {
        a("db_id", x.db_id);
        a("lmaster", x.lmaster);
    }
};

template <>
struct layout<pulldb_ext> {
    static constexpr std::string_view name = "pulldb_ext";
    template <class A, class T>
    static void describe(A& a, T& x) {
        a("db_id", x.db_id);
        a("lmaster", x.lmaster);
        a("srvid", x.srvid);
    }
};

template <>
struct layout<transdb> {
    static constexpr std::string_view name = "transdb";
    template <class A, class T>
    static void describe(A& a, T& x) {
        a("db_id", x.db_id);
        a("tid", x.transaction_id);
    }
};

template <>
struct layout<db_vacuum> {
    static constexpr std::string_view name = "db_vacuum";
    template <class A, class T>
    static void describe(A& a, T& x) {
        a("db_id", x.db_id);
        a("full_vacuum_run", x.full_vacuum_run);
    }
};

template <>
struct layout<padded_db_id> {
    static constexpr std::string_view name = "db_id and padding";
    template <class A, class T>
    static void describe(A& a, T& x) {
        a("db_id", x.db_id);
        a.pad(4);
    }
};

template <>
struct layout<echo_data> {
    static constexpr std::string_view name = "echo_data";
    template <class A, class T>
    static void describe(A& a, T& x) {
        a("timeout", x.delay_ms);
        a.blob("buf", x.data);
    }
};

template <>
struct layout<pid_srvid> {
    static constexpr std::string_view name = "pid_srvid";
    template <class A, class T>
    static void describe(A& a, T& x) {
        a("pid", x.pid);
        a("srvid", x.srvid);
    }
};

template <>
struct layout<server_id> {
    static constexpr std::string_view name = "server_id";
    template <class A, class T>
    static void describe(A& a, T& x) {
        a("pid", x.pid);
        a("task_id", x.task_id);
        a("vnn", x.vnn);
        a("unique_id", x.unique_id);
    }
};

template <>
struct layout<g_lock> {
    static constexpr std::string_view name = "g_lock";
    template <class A, class T>
    static void describe(A& a, T& x) {
        a("type", x.type);
        a.pad(4);
        a("sid", x.sid);
    }
};

template <>
struct layout<traverse_start> {
    static constexpr std::string_view name = "traverse_start";
    template <class A, class T>
    static void describe(A& a, T& x) {
        a("db_id", x.db_id);
        a("reqid", x.reqid);
        a("srvid", x.srvid);
    }
};

template <>
struct layout<traverse_start_ext> {
    static constexpr std::string_view name = "traverse_start_ext";
    template <class A, class T>
    static void describe(A& a, T& x) {
        a("db_id", x.db_id);
        a("reqid", x.reqid);
        a("srvid", x.srvid);
        a("withemptyrecords", x.with_empty_records);
        a.pad(7);
    }
};

template <>
struct layout<traverse_all> {
    static constexpr std::string_view name = "traverse_all";
    template <class A, class T>
    static void describe(A& a, T& x) {
        a("db_id", x.db_id);
        a("reqid", x.reqid);
        a("pnn", x.pnn);
        a("client_reqid", x.client_reqid);
        a("srvid", x.srvid);
    }
};

template <>
struct layout<traverse_all_ext> {
    static constexpr std::string_view name = "traverse_all_ext";
    template <class A, class T>
    static void describe(A& a, T& x) {
        a("db_id", x.db_id);
        a("reqid", x.reqid);
        a("pnn", x.pnn);
        a("client_reqid", x.client_reqid);
        a("srvid", x.srvid);
        a("withemptyrecords", x.with_empty_records);
        a.pad(7);
    }
};

} // namespace ctdb::protocol
