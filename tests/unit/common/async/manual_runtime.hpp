// manual_runtime: virtual time for tests of cores; the test says when it passes.
#pragma once

#include "common/async/runtime.hpp"

#include <algorithm>

namespace ctdb::testing_support {

class manual_runtime final : public async::runtime {
public:
    [[nodiscard]] async::time_point now() const noexcept override { return now_; }
    [[nodiscard]] std::uint64_t random() override { return ++random_; }
    void advance(async::duration d) {
        const async::time_point end = now_ + d;
        settle();
        while (earliest_timer() && *earliest_timer() <= end) {
            now_ = std::max(now_, *earliest_timer());
            run_timers(now_);
            settle();
        }
        now_ = end;
    }
    void settle() {
        while (has_deferred()) {
            run_deferred();
        }
    }

private:
    void deferred_added() override {}
    async::time_point now_{std::chrono::seconds(1000)};
    std::uint64_t random_ = 0;
};

} // namespace ctdb::testing_support
