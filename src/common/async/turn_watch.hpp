// turn_watch: how long the turns of an event loop take, so that a user can see what holds a daemon
// up. A turn lasts from the end of a wait to the beginning of the next; nobody else is served in
// it.
//
// Of each long turn two times are told: by the clock, and of the processor's for this thread. The
// difference is waiting: for a processor, or in a system call. The latter is exact to a
// millisecond: it is read once in a millisecond at most, and at the end of a long turn, because
// that is a system call. A turn that is not long costs two looks at the clock.
//
// Turns from `long_turn` on are counted and logged at INFO, a line in a second at most; those from
// `very_long_turn` on at WARNING, each.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace ctdb::async {

class turn_watch {
public:
    using duration = std::chrono::nanoseconds;
    static constexpr duration long_turn = std::chrono::milliseconds(10);
    static constexpr duration very_long_turn = std::chrono::seconds(1);

    struct clocks {
        duration (*wall)() noexcept;      // monotonic
        duration (*processor)() noexcept; // of this thread
    };
    [[nodiscard]] static clocks real_clocks() noexcept;
    explicit turn_watch(clocks use = real_clocks()) noexcept : clocks_(use) {}

    void begins() noexcept;
    void ends(); // without effect unless one has begun

    struct turn {
        duration took{};
        duration processor{};
    };
    [[nodiscard]] std::uint64_t long_turns() const noexcept { return long_turns_; }
    [[nodiscard]] turn longest() const noexcept { return longest_; }
    [[nodiscard]] duration most_processor() const noexcept { return most_processor_; } // of a turn
    [[nodiscard]] std::string report() const; // a line without its end

private:
    void note(turn ended);
    void tell(turn ended);

    clocks clocks_;
    bool running_ = false;
    duration began_{};
    duration read_at_{}; // of `processor_`, by the other clock
    duration processor_{};
    std::uint64_t long_turns_ = 0;
    turn longest_;
    duration most_processor_{};
    duration told_at_{};
    std::uint64_t untold_ = 0;
};

} // namespace ctdb::async
