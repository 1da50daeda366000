// residency: how long a record that has just come for a client stays before other nodes' calls are
// served (databases.md 12.3 S8).
//
// Nothing without evidence: only a client that asks for a key again right after it was told "the
// record is here", and finds it gone, has lost the race. Then the next arrival rests a little,
// doubling with every lost race up to a millisecond, halving with every one won. Rings that hand
// records over willingly never lose a race and never wait. A fixed table: collisions cost a rest of
// at most a millisecond.
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

    // A client was told that the record is here: how long is it to stay? 0: no rest.
    [[nodiscard]] std::chrono::microseconds
    arrived(byte_view key, client_id client, async::time_point now);
    // A client asks for a record that is not here.
    void missed(byte_view key, client_id client, async::time_point now);

private:
    struct slot {
        std::uint32_t hash = 0;
        client_id client;
        async::time_point told;
        std::chrono::microseconds rest{0};
        bool lost = false;
    };
    [[nodiscard]] slot& slot_of(std::uint32_t hash) { return slots_[hash % slots_.size()]; }
    std::array<slot, 64> slots_{};
};

} // namespace ctdb::ctdbd
