// What the daemon writes when it stores a record (databases.md 2.2): keep it or delete it, raise
// its rsn or not, tell vacuuming or not. Pure; shared by the engine, by recovery's push and by the
// simulation.
//
// Never changes the value. The header to write (and to go on with) is in the decision: transient
// flags stripped, rsn raised where the rule says so.
#pragma once

#include "common/base/ids.hpp"
#include "common/protocol/types_record.hpp"

#include <cstdint>

namespace ctdb::ctdbd {

inline constexpr protocol::record_flags transient_flags =
    protocol::record_flag::vacuum_migrated | protocol::record_flag::automatic;

enum class database_kind : std::uint8_t { volatile_db, persistent, replicated };
enum class vacuum_note : std::uint8_t { nothing, candidate, not_candidate };

struct store_decision {
    bool keep = true; // false: delete the key; deleting a missing record is no error
    vacuum_note note = vacuum_note::nothing;
    protocol::record_header header; // to write if kept
};

struct store_place {
    database_kind kind = database_kind::volatile_db;
    pnn me;
    pnn lmaster; // of the key
};

[[nodiscard]] store_decision
decide_store(const store_place& place, const protocol::record_header& header, bool data_is_empty);

} // namespace ctdb::ctdbd
