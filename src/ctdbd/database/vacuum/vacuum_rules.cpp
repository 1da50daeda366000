#include "ctdbd/database/vacuum/vacuum_rules.hpp"

namespace ctdb::ctdbd {

using protocol::record_flag;
using protocol::record_header;

std::optional<record_header> empty_record(byte_view stored) {
    if (stored.size() != protocol::record_header_size) {
        return {};
    }
    const auto header = protocol::header_of(stored);
    if (!header || header->flags.has_any(protocol::readonly_mask)) {
        return {};
    }
    return *header;
}

vacuum_verdict
judge_for_deletion(const vacuum_place& place, const record_header& scheduled, byte_view stored) {
    const auto header = empty_record(stored);
    if (!header || header->dmaster != place.me || header->rsn != scheduled.rsn) {
        return vacuum_verdict::keep;
    }
    if (place.lmaster != place.me) {
        return vacuum_verdict::tell_lmaster;
    }
    const bool was_elsewhere = header->flags.has(record_flag::migrated_with_data) ||
                               scheduled.flags.has(record_flag::migrated_with_data) ||
                               place.delegates;
    return was_elsewhere ? vacuum_verdict::delete_everywhere : vacuum_verdict::delete_here;
}

bool may_delete_last(const vacuum_place& place, const record_header& scheduled, byte_view stored) {
    const auto header = empty_record(stored);
    return header && header->dmaster == place.me && header->rsn == scheduled.rsn &&
           place.lmaster == place.me;
}

bool may_delete_copy(const vacuum_place& place, byte_view given, byte_view stored) {
    const auto wanted = empty_record(given);
    const auto header = protocol::header_of(stored);
    if (!wanted || place.lmaster == place.me) {
        return false;
    }
    if (!header) {
        return true; // shorter than a header: as good as missing
    }
    return header->rsn <= wanted->rsn && header->dmaster != place.me &&
           !header->flags.has_any(protocol::readonly_mask);
}

} // namespace ctdb::ctdbd
