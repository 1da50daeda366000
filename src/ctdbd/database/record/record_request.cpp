#include "ctdbd/database/record/record_request.hpp"

#include <cstring>

namespace ctdb::ctdbd {

void record_request::own() {
    if (!storage.empty()) {
        return;
    }
    storage.reserve(key.size() + data.size());
    storage.insert(storage.end(), key.begin(), key.end());
    storage.insert(storage.end(), data.begin(), data.end());
    const std::size_t key_size = key.size();
    key = byte_view(storage).first(key_size);
    data = byte_view(storage).subspan(key_size);
}

bool same_bytes(byte_view a, byte_view b) noexcept {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

} // namespace ctdb::ctdbd
