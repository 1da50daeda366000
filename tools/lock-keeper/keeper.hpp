// keeper: one attempt at the lock and, if it succeeds, the time it is held. See README.md for the
// two protocols.
//
//   trying --'0'--> held --+-- 'r' from ctdbd -------------> released
//     |                    +-- no 'h' for the lease -------> lost
//     |                    +-- program's end of file ------> lost
//     +-- '1' contention, '2' timeout, other: error, limit: timeout; release and lease as above
//   any state: ctdbd gone, SIGTERM -> end without a word
#pragma once

#include "held_process.hpp"

#include <string>
#include <string_view>

namespace ctdb::lock_keeper {

struct keeper_settings {
    long long lease_ms = 0;
    long long attempt_ms = 0;
    char* const* program = nullptr; // ends in nullptr
    int commands = 3;               // descriptor
    int terminated = -1;            // signalfd of SIGTERM
};

class keeper {
public:
    explicit keeper(const keeper_settings& settings) : settings_(settings) {}
    int run(); // exit status

private:
    enum class state : unsigned char { trying, held, over };
    void read_commands();
    void read_answer();
    void judge_time();
    void first_byte(char byte);
    void finish(std::string_view line); // says it after the program has ended
    void leave();                       // nobody listens any more
    [[nodiscard]] int milliseconds_left() const;

    keeper_settings settings_;
    held_process program_;
    state state_ = state::trying;
    long long lease_until_ = 0;
    long long attempt_until_ = 0;
};

} // namespace ctdb::lock_keeper
