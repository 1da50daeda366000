#include "ctdbd/database/record/store_rule.hpp"

namespace ctdb::ctdbd {
namespace {

using protocol::record_flag;
using protocol::record_header;

enum class row : std::uint8_t { keep, keep_as_candidate, remove };

// The table of databases.md 2.2; the first row that fits.
row first_row(const store_place& place, const record_header& header, bool data_is_empty) {
    if (!data_is_empty || header.flags.has_any(protocol::readonly_mask)) {
        return row::keep; // 1, 2
    }
    if (header.flags.has(record_flag::automatic)) {
        return row::keep_as_candidate; // 3
    }
    if (header.flags.has(record_flag::migrated_with_data)) {
        return row::keep; // 4: other nodes may hold non-empty copies
    }
    const bool dmaster = place.me == header.dmaster;
    if (place.me == place.lmaster) {
        const bool vacuumed = dmaster && header.flags.has(record_flag::vacuum_migrated);
        return vacuumed ? row::remove : row::keep; // 5, 6
    }
    return dmaster ? row::keep : row::remove; // 7, 8
}

} // namespace

store_decision
decide_store(const store_place& place, const record_header& header, bool data_is_empty) {
    store_decision decision;
    decision.header = header;
    decision.header.flags.clear(transient_flags); // I24
    if (place.kind != database_kind::volatile_db) {
        return decision;
    }
    const row found = first_row(place, header, data_is_empty);
    decision.keep = found != row::remove;
    if (!decision.keep) {
        return decision;
    }
    bool candidate = found == row::keep_as_candidate;
    if (place.me == header.dmaster && !header.flags.has_any(protocol::readonly_mask)) {
        // Clients write without raising the rsn: the dmaster's must be ahead of every copy
        // already (I2).
        decision.header.rsn = rsn{header.rsn.value + 1};
        candidate = candidate || data_is_empty;
    }
    decision.note = candidate ? vacuum_note::candidate : vacuum_note::not_candidate;
    return decision;
}

} // namespace ctdb::ctdbd
