#include "ctdbd/database/record/residency.hpp"

#include "common/protocol/hash.hpp"

#include <algorithm>
#include <functional>

namespace ctdb::ctdbd {
namespace {

using std::chrono::microseconds;

std::size_t digest(byte_view data) noexcept {
    return std::hash<std::string_view>{}(text_of(data));
}

} // namespace

residency::slot* residency::find(byte_view key) {
    const std::uint32_t hash = protocol::hash(key);
    slot& s = slots_[hash % slots_.size()];
    return s.hash == hash ? &s : nullptr;
}

microseconds
residency::arrived(byte_view key, client_id client, byte_view data, async::time_point now) {
    const std::uint32_t hash = protocol::hash(key);
    slot& s = slots_[hash % slots_.size()];
    if (s.hash != hash) {
        s = slot{};
        s.hash = hash;
    }
    if (s.lost) {
        lengthen(s, now);
    } else {
        s.rest /= 2;
        s.useless = 0;
    }
    s.client = client;
    s.told = now;
    s.content = digest(data);
    s.had_turn = false;
    s.left = false;
    s.lost = false;
    const bool rests = s.rest >= rest_first / 2 && now >= s.left_alone_until;
    return rests ? s.rest : microseconds{0};
}

void residency::lengthen(slot& s, async::time_point now) {
    if (s.rest == rest_max && ++s.useless >= useless_rests_max) {
        s.rest = microseconds{0};
        s.useless = 0;
        s.left_alone_until = now + left_alone_for;
        return;
    }
    s.rest = std::clamp(s.rest * 2, rest_first, rest_max);
}

void residency::in_use(byte_view key) {
    if (slot* s = find(key)) {
        s->had_turn = true;
    }
}

void residency::leaves(byte_view key, byte_view data) {
    slot* s = find(key);
    if (s == nullptr || s->left) {
        return;
    }
    s->left = true;
    s->had_turn = s->had_turn || digest(data) != s->content;
}

void residency::missed(byte_view key, client_id client, async::time_point now) {
    slot* s = find(key);
    if (s != nullptr && s->client == client && s->left && !s->had_turn &&
        now - s->told <= race_window) {
        s->lost = true;
    }
}

} // namespace ctdb::ctdbd
