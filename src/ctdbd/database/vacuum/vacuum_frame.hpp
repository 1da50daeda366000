// vacuum_frame: what every part of a run works with, and whether it may go on.
//
// A run belongs to one generation of its database. After every wait: usable(), which says no once
// the database is gone, frozen or of another generation, or the time is up (databases.md 8.2).
// References outlive the run.
#pragma once

#include "common/async/runtime.hpp"
#include "common/base/ids.hpp"
#include "common/base/result.hpp"
#include "ctdbd/database/vacuum/vacuum_rules.hpp"

#include <functional>

namespace ctdb::ctdbd {

class database;
class database_set;
class delete_queue;
class fetch_queue;
class node_context;

// How a record is brought to this node: as a client of the record engine would.
struct vacuum_calls {
    std::function<void(database&, byte_view key)> fetch; // its end: vacuum_run::fetch_answered()
};

struct vacuum_frame {
    node_context& node;
    database_set& databases;
    delete_queue& deletions;
    fetch_queue& fetches;
    const vacuum_calls& calls;
    ctdb::db_id id;
    ctdb::generation generation; // of the database when the run began
    async::time_point deadline;  // of the whole run
    std::size_t deleted = 0;

    [[nodiscard]] result<database*> usable() const;
    [[nodiscard]] vacuum_place place_of(const database& db, byte_view key) const;
    // For one control: ControlTimeout, but not beyond the run's end.
    [[nodiscard]] async::time_point control_deadline() const;
};

} // namespace ctdb::ctdbd
