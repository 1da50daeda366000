// parking: every request of a database that has to wait, in one place (databases.md 2.9, 12.4
// item 2).
//
//   where                     why                              leaves when
//   line of a chain           chain busy, database frozen      the chain's lock is ours, in order
//   held behind a key         commit or revoke runs, key       hold ends: back to the line's front
//                             rests or is pinned
//   readers of a key          a writer has its turn            after a while: back to the line
//   behind a key's fetch      same fetch is under way          fetch done, its client gone, limit
//
// Owner: the engine; death: the client is gone, or - node packets - the generation has changed
// (drop_if). Requests of a key never overtake each other, except client calls behind a fetch, which
// the packet that ends the fetch has to overtake. Only containers: no locks, no time of its own.
#pragma once

#include "ctdbd/database/record/client_turns.hpp"
#include "ctdbd/database/record/record_request.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <optional>

namespace ctdb::ctdbd {

struct chain_line {
    enum class state : std::uint8_t {
        idle,    // nobody acts for it: the database does not serve
        due,     // tries the lock in the next turn
        waiting, // an agent waits for the lock
        resting, // the lock agent failed: tries again at `again_at`
    };
    std::deque<record_request> requests;
    state is = state::idle;
    async::time_point since; // waiting
    async::time_point again_at;
    bytes lock_key; // names the chain to the store while waiting
    unsigned failures = 0;
};

struct key_hold {
    // Calls of other nodes for the key wait, for one of these reasons; all calls while copies are
    // being revoked.
    bool for_commit = false;
    std::optional<async::time_point> rest_until;   // for clients of this node to get their turn
    std::optional<client_turns> turns;             // several of them: looked at before that ends
    std::optional<async::time_point> pinned_until; // sticky record
    std::optional<std::uint64_t> revoking;         // ticket of the revoke that runs
    std::optional<async::time_point> retry_until;  // after a revoke that failed
    std::deque<record_request> held;

    std::optional<async::time_point> readers_until; // a writer has its turn after a revoke
    std::deque<record_request> readers;

    std::optional<reqid> fetch; // a call for this key is under way, clients collapse behind it
    async::time_point fetch_until;
    std::deque<record_request> collapsed;

    [[nodiscard]] bool holds_all() const noexcept { return revoking || retry_until; }
    // Holds that local clients pass: the record is here for them.
    [[nodiscard]] bool holds_peers_only() const noexcept {
        return !for_commit && !holds_all() && (rest_until || pinned_until);
    }
    [[nodiscard]] bool holds() const noexcept {
        return for_commit || rest_until || pinned_until || holds_all();
    }
    [[nodiscard]] bool useless() const noexcept {
        return !holds() && held.empty() && !readers_until && readers.empty() && !fetch &&
               collapsed.empty();
    }
};

struct key_order {
    using is_transparent = void;
    bool operator()(byte_view a, byte_view b) const noexcept;
};

class parking {
public:
    using lines = std::map<std::uint32_t, chain_line>;
    using holds = std::map<bytes, key_hold, key_order>;

    [[nodiscard]] chain_line* line(std::uint32_t chain);
    [[nodiscard]] key_hold* hold(byte_view key);
    [[nodiscard]] lines& all_lines() noexcept { return lines_; }
    [[nodiscard]] holds& all_holds() noexcept { return holds_; }

    chain_line& park(std::uint32_t chain, record_request request); // at the end of the line
    key_hold& hold_for(byte_view key) { return holds_.try_emplace(to_bytes(key)).first->second; }
    // Puts `requests` in front of everything in the chain's line, in their order.
    void return_to_line(std::uint32_t chain, std::deque<record_request>& requests);
    void forget_line(std::uint32_t chain) { lines_.erase(chain); }
    void forget_if_useless(byte_view key);

    // Removes the requests for which `dead` says true; it may note them. Lines and holds stay.
    template <class Dead>
    void drop_if(Dead dead);
    [[nodiscard]] std::size_t size() const noexcept;

private:
    lines lines_;
    holds holds_;
};

template <class Dead>
void parking::drop_if(Dead dead) {
    for (auto& [chain, line] : lines_) {
        std::erase_if(line.requests, dead);
    }
    for (auto& [key, hold] : holds_) {
        std::erase_if(hold.held, dead);
        std::erase_if(hold.readers, dead);
        std::erase_if(hold.collapsed, dead);
    }
}

} // namespace ctdb::ctdbd
