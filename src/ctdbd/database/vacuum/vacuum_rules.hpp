// What vacuuming may do with a record (databases.md 8.2). Pure; asked under the record's lock.
#pragma once

#include "common/base/bytes.hpp"
#include "common/base/ids.hpp"
#include "common/protocol/types_record.hpp"

#include <cstdint>
#include <optional>

namespace ctdb::ctdbd {

enum class vacuum_verdict : std::uint8_t {
    keep,              // in use again, not ours, or read elsewhere
    tell_lmaster,      // the lmaster fetches it and deletes it in its own run
    delete_here,       // no other node can hold a value of it
    delete_everywhere, // others first: a copy left behind would come back in a recovery (I7)
};

struct vacuum_place {
    pnn me;
    pnn lmaster;            // of the key
    bool delegates = false; // the database is READONLY: others may have had copies of anything
};

// `scheduled`: the header when it was put into the delete queue; `stored`: the value now, header
// included.
[[nodiscard]] vacuum_verdict judge_for_deletion(
    const vacuum_place& place, const protocol::record_header& scheduled, byte_view stored
);

// I23: just before the lmaster deletes its own copy, the last one.
[[nodiscard]] bool may_delete_last(
    const vacuum_place& place, const protocol::record_header& scheduled, byte_view stored
);

// TRY_DELETE_RECORDS at another node: `given` is the record's data in the request.
[[nodiscard]] bool may_delete_copy(const vacuum_place& place, byte_view given, byte_view stored);

// A bare header without read-only flags: the header; nothing for any other value.
[[nodiscard]] std::optional<protocol::record_header> empty_record(byte_view stored);

} // namespace ctdb::ctdbd
