#include "common/async/runtime.hpp"

#include "common/async/turn_part.hpp"
#include "common/base/ensure.hpp"

namespace ctdb::async {

time_point beat_after(time_point now, duration period) {
    ensure(period > duration::zero());
    const duration next = now.time_since_epoch() + period + period / 2;
    return time_point(next - next % period);
}

runtime::~runtime() = default;

void runtime::run_deferred() {
    // Counting, not moving the list aside: a call may cancel or schedule others, and those that are
    // new wait.
    for (std::size_t left = deferred_.size(); left > 0 && !deferred_.empty(); --left) {
        deferred* next = deferred_.front();
        next->cancel();
        next->run_(); // may destroy *next
    }
}

void runtime::run_timers(time_point due) {
    const std::uint64_t armed_before = next_timer_;
    const time_point turn_ends = now() + timers_turn_max;
    while (timer* next = next_due(due, armed_before)) {
        const turn_part named("a timer");
        next->cancel();
        next->fire_(); // may destroy *next
        if (now() >= turn_ends) {
            return;
        }
    }
}

timer* runtime::next_due(time_point now, std::uint64_t armed_before) const {
    if (!timers_.empty()) {
        const auto& [key, first] = *timers_.begin();
        if (key.first <= now && key.second < armed_before) {
            return first;
        }
    }
    for (const auto& [key, one] : flexible_) {
        if (key.first > now) {
            break;
        }
        if (key.second < armed_before) {
            return one;
        }
    }
    return nullptr;
}

bool runtime::timer_may_fire(time_point now) const {
    return !flexible_.empty() && flexible_.begin()->first.first <= now;
}

std::optional<time_point> runtime::earliest_timer() const {
    if (timers_.empty()) {
        return std::nullopt;
    }
    return timers_.begin()->first.first;
}

timer::timer(runtime& rt, std::function<void()> fire) : rt_(rt), fire_(std::move(fire)) {}

void timer::arm(time_point at) {
    cancel();
    key_ = {at, rt_.next_timer_++};
    rt_.timers_.insert({key_, this});
    armed_ = true;
}

void timer::arm_between(time_point earliest, time_point latest) {
    ensure(earliest <= latest);
    arm(latest);
    may_ = {earliest, key_.second};
    rt_.flexible_.insert({may_, this});
    has_margin_ = true;
}

void timer::arm_about(duration period) {
    const time_point next = beat_after(rt_.now(), period);
    arm_between(next - period / 10, next);
}

void timer::cancel() {
    if (armed_) {
        rt_.timers_.erase({key_, this});
        armed_ = false;
    }
    if (has_margin_) {
        rt_.flexible_.erase({may_, this});
        has_margin_ = false;
    }
}

deferred::deferred(runtime& rt, std::function<void()> run) : rt_(rt), run_(std::move(run)) {}

void deferred::schedule() {
    if (!scheduled_) {
        place_ = rt_.deferred_.insert(rt_.deferred_.end(), this);
        scheduled_ = true;
        rt_.deferred_added();
    }
}

void deferred::cancel() {
    if (scheduled_) {
        rt_.deferred_.erase(place_);
        scheduled_ = false;
    }
}

} // namespace ctdb::async
