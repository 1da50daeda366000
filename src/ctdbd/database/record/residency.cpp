#include "ctdbd/database/record/residency.hpp"

#include "common/protocol/hash.hpp"

#include <algorithm>

namespace ctdb::ctdbd {

std::chrono::microseconds
residency::arrived(byte_view key, client_id client, async::time_point now) {
    const std::uint32_t hash = protocol::hash(key);
    slot& s = slot_of(hash);
    if (s.hash != hash) {
        s = slot{};
        s.hash = hash;
    }
    if (s.lost) {
        s.rest = std::clamp(s.rest * 2, rest_first, rest_max);
    } else {
        s.rest /= 2;
    }
    s.client = client;
    s.told = now;
    s.lost = false;
    return s.rest < rest_first / 2 ? std::chrono::microseconds{0} : s.rest;
}

void residency::missed(byte_view key, client_id client, async::time_point now) {
    const std::uint32_t hash = protocol::hash(key);
    slot& s = slot_of(hash);
    if (s.hash == hash && s.client == client && now - s.told <= race_window) {
        s.lost = true;
    }
}

} // namespace ctdb::ctdbd
