// monitor_cadence: when the next monitor event is due and what a result means for the node's
// health. Pure. Upstream's numbers (cluster.md 6.1), so that mixed clusters behave alike.
//
//   result                   | healthy now       | unhealthy now
//   -------------------------+-------------------+------------------
//   0                        | stays             | turns healthy, 5 s
//   ECANCELED                | stays             | stays
//   ETIMEDOUT, fewer than    | stays             | stays
//     MonitorTimeoutCount in |                   |
//     a row                  |                   |
//   anything else            | turns unhealthy,  | stays
//                            | 5 s               |
//
// After each run the next one is due in `interval`, which doubles from 2 s up to MonitorInterval
// and is 5 s after a change. The first run after services have started is due at once: nobody is
// served before it.
#pragma once

#include <chrono>
#include <cstdint>

namespace ctdb::serviced {

class monitor_cadence {
public:
    struct settings {
        std::chrono::seconds interval_max{15}; // MonitorInterval
        std::uint32_t timeout_count = 20;      // MonitorTimeoutCount
    };
    enum class verdict : std::uint8_t { unchanged, healthy, unhealthy };

    void set(settings s) noexcept;
    void services_started() noexcept; // health is to be earned again

    // A run ended with this errno.
    [[nodiscard]] verdict judge(std::int32_t code) noexcept;
    // The event could not be run at all: nobody knows how the services are.
    [[nodiscard]] verdict could_not_run() noexcept;
    // How long to wait now, after judge() or could_not_run().
    [[nodiscard]] std::chrono::seconds next_pause() noexcept;

    [[nodiscard]] bool healthy() const noexcept { return healthy_; }
    [[nodiscard]] std::uint32_t timeouts() const noexcept { return timeouts_; }

private:
    static constexpr std::chrono::seconds interval_first{2};
    static constexpr std::chrono::seconds interval_after_change{5};
    [[nodiscard]] verdict turn(bool healthy) noexcept;

    settings settings_;
    bool healthy_ = false;
    std::uint32_t timeouts_ = 0;
    std::chrono::seconds interval_ = interval_first;
};

} // namespace ctdb::serviced
