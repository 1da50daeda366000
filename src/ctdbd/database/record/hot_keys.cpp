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

// The slots in use come first; once all are, the coldest key makes room for a hotter one.
void hot_keys::rank(byte_view key, std::uint32_t count) {
    const auto in_use = slots_.begin() + static_cast<std::ptrdiff_t>(used_);
    auto place = std::find_if(slots_.begin(), in_use, [&](const protocol::hot_key& slot) {
        return same_bytes(slot.key, key);
    });
    if (place == in_use && used_ < slots_.size()) {
        ++used_;
        *place = {0, to_bytes(key)};
    } else if (place == in_use) {
        place = slots_.begin();
        if (place->count >= count) {
            return;
        }
        *place = {0, to_bytes(key)};
    }
    place->count = std::max(place->count, count);
    const auto end = slots_.begin() + static_cast<std::ptrdiff_t>(used_);
    std::stable_sort(slots_.begin(), end, [](const auto& a, const auto& b) {
        return a.count < b.count;
    });
}

void hot_keys::clear() {
    windows_.clear();
    slots_ = {};
    used_ = 0;
}

} // namespace ctdb::ctdbd
