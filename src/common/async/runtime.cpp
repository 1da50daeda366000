#include "common/async/runtime.hpp"

namespace ctdb::async {

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

void runtime::run_timers(time_point now) {
    const std::uint64_t armed_before = next_timer_;
    while (!timers_.empty()) {
        const auto [key, first] = *timers_.begin();
        if (key.first > now || key.second >= armed_before) {
            break;
        }
        first->cancel();
        first->fire_(); // may destroy *first
    }
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
    if (rt_.timers_.begin()->second == this) {
        rt_.earliest_timer_changed();
    }
}

void timer::cancel() {
    if (armed_) {
        rt_.timers_.erase({key_, this});
        armed_ = false;
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
