#include "ctdbd/database/vacuum/vacuum_frame.hpp"

#include "common/protocol/hash.hpp"
#include "ctdbd/database/database_set.hpp"

#include <algorithm>

namespace ctdb::ctdbd {

result<database*> vacuum_frame::usable() const {
    database* db = databases.find(id);
    if (db == nullptr) {
        return fail(ENOENT, "the database is gone");
    }
    const bool same_epoch =
        db->generation() == generation && node.vnn_map().generation == generation;
    if (db->phase() != database::freeze_phase::none || !same_epoch || node.is_inactive()) {
        return fail(ECANCELED, "a recovery or a freeze came");
    }
    if (node.runtime().now() >= deadline) {
        return fail(ETIMEDOUT, "VacuumMaxRunTime is over");
    }
    return db;
}

vacuum_place vacuum_frame::place_of(const database& db, byte_view key) const {
    vacuum_place place;
    place.me = node.self();
    place.lmaster = protocol::lmaster_of(node.vnn_map(), key).value_or(unknown_pnn);
    place.delegates = db.flags().has(protocol::db_flag::readonly);
    return place;
}

async::time_point vacuum_frame::control_deadline() const {
    const auto limit = node.tunable(protocol::tunable_id::control_timeout);
    return std::min(node.runtime().now() + std::chrono::seconds{limit}, deadline);
}

} // namespace ctdb::ctdbd
