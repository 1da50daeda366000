// Strong types for the numbers of the field. A number becomes an id, and an id a number, only at
// the wire.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

#include <fmt/core.h>

namespace ctdb {

template <class Tag, class Rep>
struct strong_id {
    using rep = Rep;
    Rep value{};
    constexpr strong_id() noexcept = default;
    explicit constexpr strong_id(Rep v) noexcept : value(v) {}
    friend constexpr auto operator<=>(strong_id, strong_id) noexcept = default;
};

using pnn = strong_id<struct pnn_tag, std::uint32_t>;               // physical node number
using db_id = strong_id<struct db_id_tag, std::uint32_t>;           // database id, hash of the name
using generation = strong_id<struct generation_tag, std::uint32_t>; // recovery epoch
using reqid = strong_id<struct reqid_tag, std::uint32_t>;           // request id
using srvid = strong_id<struct srvid_tag, std::uint64_t>;           // message address
using client_id = strong_id<struct client_id_tag, std::uint32_t>;   // local client; 0 = none
using rsn = strong_id<struct rsn_tag, std::uint64_t>;               // record sequence number

inline constexpr pnn unknown_pnn{0xFFFFFFFFu};      // CTDB_UNKNOWN_PNN
inline constexpr generation invalid_generation{1u}; // INVALID_GENERATION

} // namespace ctdb

template <class Tag, class Rep>
struct std::hash<ctdb::strong_id<Tag, Rep>> {
    std::size_t operator()(ctdb::strong_id<Tag, Rep> id) const noexcept {
        return std::hash<Rep>{}(id.value);
    }
};

template <class Tag, class Rep>
struct fmt::formatter<ctdb::strong_id<Tag, Rep>> : fmt::formatter<Rep> {
    template <class Context>
    auto format(ctdb::strong_id<Tag, Rep> id, Context& ctx) const {
        return fmt::formatter<Rep>::format(id.value, ctx);
    }
};
