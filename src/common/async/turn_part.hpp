// turn_part: names what a turn of the event loop is busy with, so that the line about a long turn
// says what took so long.
//
// An object on the stack around a piece of work. The longest of a turn is told; of two in each
// other the inner one, if the outer one's time was mostly its. Two looks at the clock each, so for
// work like a packet, not for work like a record. One loop for a thread; without a loop nothing is
// told.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace ctdb::async {

class turn_part {
public:
    // `what` lives for ever: a literal. `number` says which: an opcode, a node.
    explicit turn_part(const char* what, std::uint32_t number = no_number) noexcept;
    turn_part(const turn_part&) = delete;
    turn_part& operator=(const turn_part&) = delete;
    ~turn_part();

    // For turn_watch: a new turn begins; "12 ms of it: control 40", nothing if nothing that was
    // named took so long.
    static void forget() noexcept;
    [[nodiscard]] static std::string longest(std::chrono::nanoseconds at_least = {});

private:
    static constexpr std::uint32_t no_number = 0xffffffff;
    using time = std::chrono::steady_clock::time_point;
    struct named {
        const char* what = nullptr;
        std::uint32_t number = no_number;
        std::chrono::nanoseconds took{};
    };
    static named& longest_of_turn() noexcept;

    const char* what_;
    std::uint32_t number_;
    time began_;
    std::chrono::nanoseconds known_; // the longest when this one began
};

} // namespace ctdb::async
