#include "ctdbd/database/record/sticky_records.hpp"

namespace ctdb::ctdbd {

bool sticky_records::make_sticky(byte_view key, async::time_point now, async::duration duration) {
    if (const auto found = until_.find(key); found != until_.end()) {
        const bool expired = found->second <= now;
        found->second = now + duration;
        return expired;
    }
    if (until_.size() >= keys_max) {
        std::erase_if(until_, [now](const auto& entry) { return entry.second <= now; });
    }
    return until_.size() < keys_max && until_.emplace(to_bytes(key), now + duration).second;
}

bool sticky_records::is_sticky(byte_view key, async::time_point now) const {
    const auto found = until_.find(key);
    return found != until_.end() && found->second > now;
}

} // namespace ctdb::ctdbd
