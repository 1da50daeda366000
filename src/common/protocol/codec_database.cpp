// Codecs of types_database.hpp.
#include "common/protocol/layout/archives.hpp"
#include "common/protocol/layout/database.hpp"

namespace ctdb::protocol {

template struct codec<dbid>;
template struct codec<dbid_map>;
template struct codec<pulldb>;
template struct codec<pulldb_ext>;
template struct codec<transdb>;
template struct codec<db_vacuum>;
template struct codec<padded_db_id>;
template struct codec<echo_data>;
template struct codec<pid_srvid>;
template struct codec<server_id>;
template struct codec<g_lock>;
template struct codec<traverse_start>;
template struct codec<traverse_start_ext>;
template struct codec<traverse_all>;
template struct codec<traverse_all_ext>;

namespace {
constexpr std::size_t g_lock_size = 32;
} // namespace

void codec<g_lock_list>::put(writer& out, const g_lock_list& list) {
    for (const g_lock& lock : list.locks) {
        codec<g_lock>::put(out, lock);
    }
}

void codec<g_lock_list>::get(reader& in, g_lock_list& list) {
    if (in.remaining() % g_lock_size != 0) {
        in.reject();
        return;
    }
    list.locks.resize(in.remaining() / g_lock_size);
    for (g_lock& lock : list.locks) {
        codec<g_lock>::get(in, lock);
        if (lock.type != g_lock::kind::read && lock.type != g_lock::kind::write) {
            in.reject();
        }
    }
}

} // namespace ctdb::protocol
