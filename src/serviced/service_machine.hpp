// service_machine: when the services of the node are started and stopped. Pure.
//
// Facts come from ctdbd; next() says what to begin; the caller does it and tells how it ended. One
// thing at a time: while startup or shutdown runs, next() says nothing.
//
//   wanted     = connected, not shutting down, (active or services stay when inactive), and
//                (ctdbd asked for them or is RUNNING)
//   must stop  = ctdbd lost, shutting down, or inactive (if services stop then)
//
//   services | wanted, not in recovery, pause over | must stop | starter gone
//   ---------+-------------------------------------+-----------+-------------
//   down     | startup                             | -         | leave
//   partly   | startup                             | shutdown  | shutdown
//   up       | -                                   | shutdown  | shutdown
//
// M1 services are `up` only after a successful startup, or if they were when we came: we were
//    started again while ctdbd was RUNNING.
// M2 a failed startup is tried again after 5, 10, 20, then every 30 s (events.md 12.2).
// M3 a startup that is no longer wanted is followed by a shutdown, not interrupted.
// M4 a node that was inactive gets its services after the recovery that brings it back, whose end
//    shows by a new generation; if none comes in 30 s, without it.
#pragma once

#include "common/base/ids.hpp"
#include "common/protocol/constants.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

namespace ctdb::serviced {

class service_machine {
public:
    using time_point = std::chrono::steady_clock::time_point;
    struct policy {
        bool stop_when_inactive = true;
    };
    enum class order : std::uint8_t { none, startup, shutdown, leave };
    enum class services : std::uint8_t { down, partly, up };

    explicit service_machine(policy p) noexcept : policy_(p) {}

    void set_stop_when_inactive(bool stop) noexcept { policy_.stop_when_inactive = stop; }
    void registered() noexcept;
    void lost() noexcept;
    void starter_gone() noexcept; // the ctdbd that started us is no more: lost, and for good
    void run_state_is(protocol::run_state state) noexcept;
    void active_is(bool active) noexcept;
    void recovery_is(bool running, generation now) noexcept;
    void start_requested() noexcept { start_requested_ = true; }
    void stop_requested() noexcept { stop_requested_ = true; }

    [[nodiscard]] order next(time_point now) noexcept;
    void startup_ended(bool ok, time_point now) noexcept; // Requires: begun by next()
    void shutdown_ended() noexcept;                       // Requires: begun by next()

    // When next() may say more although no fact has changed.
    [[nodiscard]] std::optional<time_point> look_again_at() const noexcept;
    [[nodiscard]] bool wanted() const noexcept;
    [[nodiscard]] bool may_monitor() const noexcept;
    [[nodiscard]] services state() const noexcept { return services_; }
    // Nothing runs that should stop, nothing is being started or stopped.
    [[nodiscard]] bool stopped_if_it_must() const noexcept;

private:
    [[nodiscard]] bool must_stop() const noexcept;
    [[nodiscard]] bool recovered(time_point now) noexcept;

    policy policy_;
    services services_ = services::down;
    order busy_ = order::none;
    bool known_ = false; // run state heard since the program started
    bool was_connected_ = false;
    bool connected_ = false;
    bool leaving_ = false;
    bool start_requested_ = false;
    bool stop_requested_ = false;
    bool in_recovery_ = false;
    std::optional<bool> active_; // nothing: not heard since registration
    generation generation_;
    bool awaits_recovery_ = false; // M4
    std::optional<time_point> await_until_;
    protocol::run_state run_state_ = protocol::run_state::unknown;
    unsigned failures_ = 0;
    std::optional<time_point> retry_at_;
};

} // namespace ctdb::serviced
