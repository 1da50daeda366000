#include "ctdbd/database/vacuum/try_delete_job.hpp"

#include "common/base/log.hpp"
#include "common/protocol/hash.hpp"
#include "common/protocol/record_buffer.hpp"
#include "ctdbd/database/database_set.hpp"
#include "ctdbd/database/sliced_job.hpp"
#include "ctdbd/database/vacuum/vacuum_rules.hpp"

namespace ctdb::ctdbd {
namespace {

answer<database*> check(
    node_context& node,
    database_set& databases,
    const protocol::record_buffer_view& request,
    const asker& who
) {
    database* db = databases.find(request.db_id);
    if (db == nullptr) {
        return refuse("unknown database {:#010x}", request.db_id.value);
    }
    if (!db->is_volatile()) {
        return refuse("database {} is not volatile", db->name());
    }
    if (who.node != node.self() && who.generation != node.vnn_map().generation) {
        return refuse("request of generation {:#x}", who.generation.value);
    }
    return db;
}

// False: the node keeps its copy.
bool delete_copy(node_context& node, database& db, const protocol::record_view& record) {
    const auto locked = db.store().try_lock(record.key);
    if (!locked || *locked == lock_state::busy) {
        return false;
    }
    vacuum_place place;
    place.me = node.self();
    place.lmaster = protocol::lmaster_of(node.vnn_map(), record.key).value_or(node.self());
    bool may_go = may_delete_copy(place, record.data, {}); // as if it were missing
    const auto read = db.store().read(record.key, [&](byte_view stored) {
        may_go = may_delete_copy(place, record.data, stored);
    });
    const bool gone = read && may_go && db.store().erase(record.key);
    db.store().unlock(record.key);
    return gone;
}

} // namespace

async::task<answer<protocol::record_buffer>>
try_delete(node_context& node, database_set& databases, bytes request, asker who) {
    const auto view = protocol::view_record_buffer(request);
    if (!view || !protocol::entries_valid(*view)) {
        co_return refuse("malformed record buffer");
    }
    protocol::record_buffer kept;
    kept.db_id = view->db_id;
    reader in(view->entries);
    std::optional<turn_budget> budget(node.runtime());
    for (std::uint32_t left = view->count; left > 0; --left) {
        const auto db = check(node, databases, *view, who); // anew after every pause
        if (!db) {
            co_return tl::unexpected(db.error());
        }
        const protocol::record_view record = protocol::read_record(in);
        if (!delete_copy(node, **db, record)) {
            kept.records.push_back({reqid{0}, to_bytes(record.key), to_bytes(record.data)});
        }
        if (!budget->spend(1)) {
            co_await async::sleep_for(node.runtime(), async::duration::zero());
            budget.emplace(node.runtime());
        }
    }
    co_return kept;
}

} // namespace ctdb::ctdbd
