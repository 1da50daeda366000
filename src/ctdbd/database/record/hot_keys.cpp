#include "ctdbd/database/record/hot_keys.hpp"

#include "ctdbd/database/record/record_request.hpp"

#include <algorithm>

namespace ctdb::ctdbd {

void hot_keys::migrated(byte_view key, async::time_point now) {
    auto found = windows_.find(key);
    if (found == windows_.end()) {
        if (windows_.size() >= windows_max) {
            windows_.clear();
        }
        found = windows_.emplace(to_bytes(key), running{}).first;
    }
    running& w = found->second;
    if (w.count == 0 || now - w.opened >= window) {
        w = running{now, 0};
    }
    rank(key, ++w.count);
}

void hot_keys::rank(byte_view key, std::uint32_t count) {
    auto place = std::find_if(slots_.begin(), slots_.end(), [&](const protocol::hot_key& slot) {
        return slot.count > 0 && same_bytes(slot.key, key);
    });
    if (place == slots_.end()) {
        place = slots_.begin(); // the coldest
        if (place->count >= count) {
            return;
        }
        place->key = to_bytes(key);
        place->count = count;
    }
    place->count = std::max(place->count, count);
    std::stable_sort(slots_.begin(), slots_.end(), [](const auto& a, const auto& b) {
        return a.count < b.count;
    });
}

void hot_keys::clear() {
    windows_.clear();
    slots_ = {};
}

} // namespace ctdb::ctdbd
