// residency: how long a record that has just come for a client stays before other nodes' calls are
// served (databases.md 12.3 S8).
//
// Nothing without evidence. A race is lost only by a client that did not get its turn: it was told
// "the record is here", nobody of this node was seen with its lock, the record left unchanged, and
// the same client asks for it again soon after. Then the next arrival rests a little, doubling with
// every lost race up to a millisecond, halving with every one won. A ring whose clients get their
// turns never waits, however fast it is. A client that only looks at the record leaves it unchanged
// as well: it is told apart by the longest rest, which helps it as little as none, and then left
// alone for a while.
//
// A fixed table: collisions cost a rest of at most a millisecond.
#pragma once

#include "common/async/runtime.hpp"
#include "common/base/bytes.hpp"
#include "common/base/ids.hpp"

#include <array>
#include <chrono>
#include <cstdint>

namespace ctdb::ctdbd {

class residency {
public:
    static constexpr std::chrono::microseconds rest_first{62};
    static constexpr std::chrono::microseconds rest_max{1000};
    // Asking later than this after the answer is a new wish, not a lost race.
    static constexpr std::chrono::milliseconds race_window{20};
    // Lost in spite of the longest rest so often: this client does not need one.
    static constexpr int useless_rests_max = 3;
    static constexpr std::chrono::seconds left_alone_for{10};

    // A client was told that the record is here: how long is it to stay? 0: no rest.
    [[nodiscard]] std::chrono::microseconds
    arrived(byte_view key, client_id client, byte_view data, async::time_point now);
    // Somebody of this node was seen holding the record's lock.
    void in_use(byte_view key);
    // The record leaves with this value.
    void leaves(byte_view key, byte_view data);
    // A client asks for a record that is not here.
    void missed(byte_view key, client_id client, async::time_point now);

private:
    struct slot {
        std::uint32_t hash = 0;
        client_id client;
        async::time_point told;
        async::time_point left_alone_until;
        std::chrono::microseconds rest{0};
        std::size_t content = 0; // digest of the value that came
        int useless = 0;
        bool had_turn = false;
        bool left = false;
        bool lost = false;
    };
    [[nodiscard]] slot* find(byte_view key);
    static void lengthen(slot& s, async::time_point now);
    std::array<slot, 64> slots_{};
};

} // namespace ctdb::ctdbd
