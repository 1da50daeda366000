// What failoverd moves: items, and where they should be. Pure.
//
// An item is text "KIND/NAME": "pubip/10.0.0.31" (failover.md 15.2). A plan says which node has
// which item; an item that is not in it has nobody.
#pragma once

#include "common/base/ids.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace ctdb::failoverd {

using item = std::string;
using item_set = std::set<item>;
using plan = std::map<item, pnn>;

inline constexpr std::string_view pubip_prefix = "pubip/";

[[nodiscard]] inline item pubip(std::string_view address) {
    return std::string(pubip_prefix) + std::string(address);
}
// "10.0.0.31" of "pubip/10.0.0.31"; the whole for anything else.
[[nodiscard]] inline std::string name_of(const item& which) {
    const auto slash = which.find('/');
    return slash == std::string::npos ? which : which.substr(slash + 1);
}

[[nodiscard]] inline item_set share_of(const plan& p, pnn node) {
    item_set mine;
    for (const auto& [which, holder] : p) {
        if (holder == node) {
            mine.insert(which);
        }
    }
    return mine;
}

[[nodiscard]] inline item_set without(const item_set& all, const item_set& some) {
    item_set rest;
    for (const item& which : all) {
        if (!some.contains(which)) {
            rest.insert(which);
        }
    }
    return rest;
}

// Identity of a plan: (term << 24) | number of the run in the term. Grows with every run, over
// all leaders (15.3).
using epoch = std::uint64_t;
inline constexpr unsigned term_shift = 24;
[[nodiscard]] constexpr epoch epoch_of(std::uint64_t term, std::uint64_t run) noexcept {
    return (term << term_shift) | run;
}
[[nodiscard]] constexpr std::uint64_t term_of(epoch e) noexcept {
    return e >> term_shift;
}

// A moment of one node's monotonic clock; other nodes only send it back.
using stamp = std::chrono::nanoseconds;

// How long what a member has said of itself lets it configure something (15.8): a leader's message
// carries the newest stamp it has had from the member, and nothing is begun that is older.
inline constexpr std::chrono::milliseconds fresh_window{2000};
// What was begun in time must be done by then, from the same stamp.
inline constexpr std::chrono::milliseconds take_window{4000};
// A member that says nothing for that long is not counted on (ctdbd's limit, too).
inline constexpr std::chrono::milliseconds silence_limit{4000};
inline constexpr std::chrono::milliseconds status_interval{500};

} // namespace ctdb::failoverd
