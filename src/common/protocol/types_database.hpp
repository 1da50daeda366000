// Databases: identity, pull and push, transactions, vacuuming, and what clients ask about processes
// (4.4, 4.6, 4.8).
#pragma once

#include "common/base/ids.hpp"
#include "common/protocol/codec.hpp"
#include "common/protocol/constants.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace ctdb::protocol {

struct dbid {
    ctdb::db_id db_id{};
    db_flags flags{};
    bool operator==(const dbid&) const = default;
};

// GET_DBMAP: newest attached database first.
struct dbid_map {
    std::vector<dbid> dbs{};
    bool operator==(const dbid_map&) const = default;
};

// No live control carries it.
struct pulldb {
    ctdb::db_id db_id{};
    pnn lmaster{};
    bool operator==(const pulldb&) const = default;
};

// DB_PULL, DB_PUSH_START: records travel as messages to `srvid`.
struct pulldb_ext {
    ctdb::db_id db_id{};
    pnn lmaster = unknown_pnn; // LMASTER_ANY; receivers ignore it
    ctdb::srvid srvid{};
    bool operator==(const pulldb_ext&) const = default;
};

struct transdb {
    ctdb::db_id db_id{};
    std::uint32_t transaction_id = 0; // the new generation
    bool operator==(const transdb&) const = default;
};

struct db_vacuum {
    ctdb::db_id db_id{};
    bool full_vacuum_run = false;
    bool operator==(const db_vacuum&) const = default;
};

// GET_DB_SEQNUM: the id and four zero bytes.
struct padded_db_id {
    ctdb::db_id db_id{};
    bool operator==(const padded_db_id&) const = default;
};

struct echo_data {
    std::uint32_t delay_ms = 0; // echoed, not obeyed
    bytes data{};
    bool operator==(const echo_data&) const = default;
};

struct pid_srvid {
    std::int32_t pid = 0;
    ctdb::srvid srvid{};
    bool operator==(const pid_srvid&) const = default;
};

// Samba's process identity.
struct server_id {
    std::uint64_t pid = 0;
    std::uint32_t task_id = 0;
    std::uint32_t vnn = 0;
    std::uint64_t unique_id = 0;
    bool operator==(const server_id&) const = default;
};

// One holder of a lock in g_lock.tdb as the ctdb tool writes it (Samba's layout differs).
struct g_lock {
    enum class kind : std::uint32_t { read = 0, write = 1 };
    kind type = kind::read;
    server_id sid{};
    bool operator==(const g_lock&) const = default;
};

struct g_lock_list {
    std::vector<g_lock> locks{};
    bool operator==(const g_lock_list&) const = default;
};

// 4.6: where the records of a traverse are to go.
struct traverse_start {
    ctdb::db_id db_id{};
    ctdb::reqid reqid{};
    ctdb::srvid srvid{};
    bool operator==(const traverse_start&) const = default;
};

struct traverse_start_ext {
    ctdb::db_id db_id{};
    ctdb::reqid reqid{};
    ctdb::srvid srvid{};
    bool with_empty_records = false;
    bool operator==(const traverse_start_ext&) const = default;
};

struct traverse_all {
    ctdb::db_id db_id{};
    ctdb::reqid reqid{}; // of the daemon that collects
    ctdb::pnn pnn{};     // of that daemon
    ctdb::reqid client_reqid{};
    ctdb::srvid srvid{};
    bool operator==(const traverse_all&) const = default;
};

struct traverse_all_ext {
    ctdb::db_id db_id{};
    ctdb::reqid reqid{};
    ctdb::pnn pnn{};
    ctdb::reqid client_reqid{};
    ctdb::srvid srvid{};
    bool with_empty_records = false;
    bool operator==(const traverse_all_ext&) const = default;
};

// No count: the entries fill the payload.
template <>
struct codec<g_lock_list> {
    static std::string_view name() noexcept { return "g_lock_list"; }
    static void put(writer& out, const g_lock_list& list);
    static void get(reader& in, g_lock_list& list);
};

template <>
inline constexpr trailing trailing_bytes<dbid_map> = trailing::tolerated;
template <>
inline constexpr trailing trailing_bytes<echo_data> = trailing::tolerated;

} // namespace ctdb::protocol
