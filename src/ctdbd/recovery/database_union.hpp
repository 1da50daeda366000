// database_union: which databases the active nodes have between them, and what recovery must do
// with each (databases.md 6.4 step 4, 12.1 #8). Pure.
#pragma once

#include "common/protocol/types_database.hpp"

#include <vector>

namespace ctdb::ctdbd {

struct node_databases {
    pnn node;
    protocol::dbid_map map; // READONLY and STICKY are ignored
};

struct database_plan {
    ctdb::db_id id;
    protocol::db_flags kind;  // of the first node that has it
    std::vector<pnn> having;  // in node order
    std::vector<pnn> lacking; // in node order
    // The kinds differ: nobody can say which is right. The database gets an empty transaction where
    // it exists, so that generations match and everything else recovers.
    bool kinds_differ = false;
};

// In the order in which the nodes list them, first node first; each database once.
[[nodiscard]] std::vector<database_plan> unite_databases(const std::vector<node_databases>& nodes);

} // namespace ctdb::ctdbd
