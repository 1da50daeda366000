// sliced_job: long work done a little at a time, so that the loop serves everything else in
// between (design.md 3: nothing on a million records may hold the loop for more than 10 ms).
//
// `turn` does one slice and says how to go on. It may destroy the job. Turns are timers, not
// deferred calls: a deferred call that schedules itself again would keep the loop from its sockets.
#pragma once

#include "common/async/runtime.hpp"
#include "ctdbd/database/local_store.hpp"

#include <chrono>
#include <functional>

namespace ctdb::ctdbd {

enum class next_turn : std::uint8_t { soon, after_pause, never };

class sliced_job {
public:
    static constexpr std::chrono::milliseconds pause{2}; // for a full queue or a frozen database

    sliced_job(async::runtime& rt, std::function<next_turn()> turn);
    void start() { timer_.arm(rt_.now()); } // idempotent while a turn is due
    [[nodiscard]] bool running() const noexcept { return timer_.armed(); }

private:
    void run();
    async::runtime& rt_;
    std::function<next_turn()> turn_;
    async::timer timer_;
};

// How much one turn may do: about 1 ms, measured while it runs: there are others, of other
// databases and nodes, and clients wait for all of them.
class turn_budget {
public:
    explicit turn_budget(async::runtime& rt) : rt_(rt), end_(rt.now() + time_max) {}
    // Counts `records` as done; true while more may be done in this turn.
    [[nodiscard]] bool spend(std::size_t records) {
        spent_ += records;
        return spent_ < records_max && rt_.now() < end_;
    }
    static constexpr std::chrono::milliseconds time_max{1};
    static constexpr std::size_t records_max = 4096; // time may stand still (simulation)
    static constexpr std::size_t step = 64;          // records between two looks at the clock

private:
    async::runtime& rt_;
    async::time_point end_;
    std::size_t spent_ = 0;
};

// One turn of a walk over a whole store. position.blocked afterwards: pause before the next.
[[nodiscard]] result<walk_state> walk_one_turn(
    async::runtime& rt,
    local_store& store,
    walk_position& position,
    const std::function<void(byte_view key, byte_view value)>& visit
);

} // namespace ctdb::ctdbd
