// test_runtime: virtual time that moves only when a test says so, or to the next timer.
#pragma once

#include "common/async/runtime.hpp"

#include <functional>

namespace ctdb::testing {

class test_runtime final : public async::runtime {
public:
    [[nodiscard]] async::time_point now() const noexcept override { return now_; }
    [[nodiscard]] std::uint64_t random() override { return random_ += 0x9E3779B97F4A7C15U; }

    // One turn of what is due now; false: nothing is.
    bool one_turn() {
        if (has_deferred()) {
            run_deferred();
        } else if (const auto next = earliest_timer(); next && *next <= now_) {
            run_timers(now_);
        } else {
            return false;
        }
        return true;
    }
    // Everything that is due now; timers of later moments stay.
    void settle() {
        for (int turns = 0; turns < turns_max && one_turn(); ++turns) {
        }
    }
    void advance(async::duration by) {
        const auto end = now_ + by;
        settle();
        while (earliest_timer() && *earliest_timer() <= end) {
            now_ = std::max(now_, *earliest_timer());
            settle();
        }
        now_ = end;
        settle();
    }
    // The process does not run for a while: what became due is late.
    void pause(async::duration time) { now_ += time; }
    // Lets time pass until the condition holds; false: it does not within `limit`.
    bool wait_for(const std::function<bool()>& condition, async::duration limit) {
        const auto end = now_ + limit;
        settle();
        while (!condition()) {
            const auto next = earliest_timer();
            if (!next || *next > end) {
                return false;
            }
            now_ = std::max(now_, *next);
            settle();
        }
        return true;
    }

private:
    static constexpr int turns_max = 5'000'000; // a test that spins ends
    void deferred_added() override {}
    async::time_point now_{std::chrono::hours{1}};
    std::uint64_t random_ = 1;
};

} // namespace ctdb::testing
