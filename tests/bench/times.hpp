// times: how long things took, as a histogram of a fixed size that may lie in shared memory and
// adds up. 32 steps for each doubling: a quantile is told within 3 %. From 0.1 us to an hour.
#pragma once

#include "common/async/runtime.hpp"

#include <array>
#include <cstdint>

namespace ctdb::bench {

class times {
public:
    void add(async::duration took);
    void add(const times& others);
    [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
    [[nodiscard]] double quantile_us(double part) const; // 1: the longest; 0 if there is none

private:
    static constexpr std::size_t steps = 32;
    static constexpr std::size_t doublings = 36;
    std::array<std::uint64_t, steps * doublings> buckets_{};
    std::uint64_t count_ = 0;
};

} // namespace ctdb::bench
