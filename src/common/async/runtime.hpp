// What a core may know of the world: monotonic time, timers, "later", random numbers.
//
// One runtime per daemon (event_loop) or per simulated node. Timers and deferred calls are owned by
// whoever needs them: destroying one cancels it. Callbacks run from the loop, never from inside
// arm() or schedule(), and must not throw.
#pragma once

#include "common/async/callback.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <set>
#include <utility>

namespace ctdb::async {

using clock = std::chrono::steady_clock; // CLOCK_MONOTONIC; virtual in the simulation
using time_point = clock::time_point;
using duration = clock::duration;

// The moment for what comes every `period`: the whole multiple of it nearest to now + period. So
// all that comes every second comes on the second, in all programs of a machine.
[[nodiscard]] time_point beat_after(time_point now, duration period);

class timer;
class deferred;

class runtime {
public:
    runtime() = default;
    runtime(const runtime&) = delete;
    runtime& operator=(const runtime&) = delete;
    virtual ~runtime();

    [[nodiscard]] virtual time_point now() const noexcept = 0;
    [[nodiscard]] virtual std::uint64_t random() = 0;

protected:
    // Runs what was scheduled before the call, in order; calls scheduled meanwhile wait for the
    // next turn.
    void run_deferred();
    // Fires every timer due at `due`, earliest first, then those that may be; at most once each.
    // After timers_turn_max the rest waits for the next call: sliced work of many databases is due
    // at the same time.
    void run_timers(time_point due);
    static constexpr std::chrono::milliseconds timers_turn_max{2};
    // When a timer must fire next. The kernel's timer is for that.
    [[nodiscard]] std::optional<time_point> earliest_timer() const;
    [[nodiscard]] bool timer_may_fire(time_point now) const; // one of arm_between()
    [[nodiscard]] bool has_deferred() const noexcept { return !deferred_.empty(); }

    virtual void deferred_added() = 0; // see to it that run_deferred() is called soon

private:
    friend class timer;
    friend class deferred;
    using timer_key = std::pair<time_point, std::uint64_t>; // arming order breaks ties
    [[nodiscard]] timer* next_due(time_point now, std::uint64_t armed_before) const;
    std::set<std::pair<timer_key, timer*>> timers_;   // by the time at which they must fire
    std::set<std::pair<timer_key, timer*>> flexible_; // of these, by the time at which they may
    std::list<deferred*> deferred_;
    std::uint64_t next_timer_ = 0;
};

// Calls `fire` once at or after the time given to arm(). Re-armable, also from its own callback.
//
// What comes again and again and not on the moment is armed with a margin: it fires as soon as the
// loop is awake anyway, so that an idle process has few wake-ups and not one for each of its
// timers.
class timer {
public:
    timer(runtime& rt, std::function<void()> fire);
    timer(const timer&) = delete;
    timer& operator=(const timer&) = delete;
    ~timer() { cancel(); }

    void arm(time_point at); // replaces an earlier time
    void arm_in(duration delay) { arm(rt_.now() + delay); }
    // At `latest`, or from `earliest` on with whatever else wakes the loop.
    void arm_between(time_point earliest, time_point latest);
    void arm_about(duration period); // at beat_after(now, period), or a tenth of it before that
    void cancel();
    [[nodiscard]] bool armed() const noexcept { return armed_; }

private:
    friend class runtime;
    runtime& rt_;
    callback<> fire_;
    runtime::timer_key key_;
    runtime::timer_key may_; // valid with has_margin_
    bool armed_ = false;
    bool has_margin_ = false;
};

// Calls `run` once on the next turn of the loop after schedule(). Scheduling twice is one call.
class deferred {
public:
    deferred(runtime& rt, std::function<void()> run);
    deferred(const deferred&) = delete;
    deferred& operator=(const deferred&) = delete;
    ~deferred() { cancel(); }

    void schedule();
    void cancel();
    [[nodiscard]] bool scheduled() const noexcept { return scheduled_; }

private:
    friend class runtime;
    runtime& rt_;
    callback<> run_;
    std::list<deferred*>::iterator place_;
    bool scheduled_ = false;
};

} // namespace ctdb::async
