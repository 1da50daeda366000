// status_pace: when a member says its status to the leader, apart from changes. Pure.
//
// The leader's word (authority) comes to all members twice a second and each answers it with its
// status: so one exchange needs one wake-up of a member, and those of all members fall together.
// A member whose leader is silent, or waits to be spoken to, speaks by itself.
#pragma once

#include "common/async/runtime.hpp"
#include "failoverd/items.hpp"

namespace ctdb::failoverd {

class status_pace {
public:
    static constexpr std::chrono::milliseconds alone_after = status_interval * 5 / 4;

    void said(async::time_point now) { said_ = now; }
    // The leader has spoken: is it to be answered? Not if our last status crossed its word.
    [[nodiscard]] bool answers_at(async::time_point now) const {
        return now - said_ >= status_interval / 2;
    }
    [[nodiscard]] async::time_point next_alone() const { return said_ + alone_after; }

private:
    async::time_point said_{};
};

} // namespace ctdb::failoverd
