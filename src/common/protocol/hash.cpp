#include "common/protocol/hash.hpp"

#include "common/protocol/types_membership.hpp"

#include <array>
#include <bit>
#include <cstring>

#include <fmt/format.h>

namespace ctdb::protocol {
namespace {

std::uint32_t le32(const std::byte* at) noexcept {
    std::uint32_t value = 0;
    std::memcpy(&value, at, sizeof(value));
    return value;
}

struct lookup3 {
    std::uint32_t a, b, c;

    void add(const std::byte* twelve) noexcept {
        a += le32(twelve);
        b += le32(twelve + 4);
        c += le32(twelve + 8);
    }
    void mix() noexcept {
        a -= c, a ^= std::rotl(c, 4), c += b;
        b -= a, b ^= std::rotl(a, 6), a += c;
        c -= b, c ^= std::rotl(b, 8), b += a;
        a -= c, a ^= std::rotl(c, 16), c += b;
        b -= a, b ^= std::rotl(a, 19), a += c;
        c -= b, c ^= std::rotl(b, 4), b += a;
    }
    void finish() noexcept {
        c ^= b, c -= std::rotl(b, 14);
        a ^= c, a -= std::rotl(c, 11);
        b ^= a, b -= std::rotl(a, 25);
        c ^= b, c -= std::rotl(b, 16);
        a ^= c, a -= std::rotl(c, 4);
        b ^= a, b -= std::rotl(a, 14);
        c ^= b, c -= std::rotl(b, 24);
    }
};

constexpr std::size_t block = 12;
constexpr std::string_view sequence_number_name{"__db_sequence_number__", 23}; // with NUL

} // namespace

std::uint32_t hash(byte_view key) noexcept {
    const std::uint32_t start = 0xDEADBEEF + static_cast<std::uint32_t>(key.size());
    lookup3 state{start, start, start};
    for (; key.size() > block; key = key.subspan(block)) {
        state.add(key.data());
        state.mix();
    }
    if (key.empty()) {
        return state.c;
    }
    std::array<std::byte, block> tail{};
    std::memcpy(tail.data(), key.data(), key.size());
    state.add(tail.data());
    state.finish();
    return state.c;
}

db_id db_id_of(std::string_view name) {
    const std::string terminated(name);
    return db_id{hash(view_of(std::string_view(terminated.c_str(), terminated.size() + 1)))};
}

std::optional<pnn> lmaster_of(const vnn_map& map, byte_view key) noexcept {
    if (map.map.empty()) {
        return std::nullopt;
    }
    return map.map[hash(key) % map.map.size()];
}

byte_view sequence_number_key() noexcept {
    return view_of(sequence_number_name);
}

std::string transaction_lock_key(db_id db) {
    std::string key = fmt::format("transaction_db_0x{:08x}", db.value);
    key.push_back('\0');
    return key;
}

std::uint64_t sequence_number_of(byte_view data) noexcept {
    std::uint64_t value = 0;
    if (data.size() == sizeof(value)) {
        std::memcpy(&value, data.data(), sizeof(value));
    }
    return value;
}

} // namespace ctdb::protocol
