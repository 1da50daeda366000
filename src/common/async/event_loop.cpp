#include "common/async/event_loop.hpp"

#include "common/async/tevent.hpp"
#include "common/base/ensure.hpp"

#include <sys/timerfd.h>

namespace ctdb::async {

namespace {

// A reply resumes a coroutine, which sends the next request, which is written: three, without a
// look at the descriptors in between.
constexpr int deferred_rounds = 4;

} // namespace

void talloc_deleter::operator()(void* object) const noexcept {
    talloc_free(object);
}

event_loop::event_loop()
    : context_(tevent_context_init_byname(nullptr, "epoll")),
      timer_fd_(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)),
      after_descriptors_(*this, [this] { deferred_added(); }) {
    ensure(context_ != nullptr);
    ensure(static_cast<bool>(timer_fd_));
    timer_event_.reset(tevent_add_fd(
        context_.get(), nullptr, timer_fd_.get(), TEVENT_FD_READ, timer_fd_ready, this
    ));
    immediate_.reset(tevent_create_immediate(context_.get()));
    ensure(timer_event_ != nullptr && immediate_ != nullptr);
    watch_turns();
    std::random_device seed;
    random_.seed((std::uint64_t{seed()} << 32U) | seed());
}

void event_loop::watch_turns() {
    const auto at_wait = [](tevent_trace_point point, void* self) noexcept {
        turn_watch& turns = static_cast<event_loop*>(self)->turns_;
        if (point == TEVENT_TRACE_AFTER_WAIT) {
            turns.begins();
        } else if (point == TEVENT_TRACE_BEFORE_WAIT) {
            turns.ends();
        }
    };
    tevent_set_trace_callback(context_.get(), at_wait, this);
}

event_loop::~event_loop() {
    timer_event_.reset();
    immediate_.reset();
}

void event_loop::run() {
    stopping_ = false;
    while (!stopping_) {
        run_once();
    }
}

void event_loop::run_once() {
    set_kernel_timer();
    // tevent serves immediates without a look at the descriptors. Timers that fired after each,
    // and defer work again, would keep the loop from its sockets.
    const bool looks = !immediate_armed_;
    ensure(tevent_loop_once(context_.get()) == 0);
    if (const time_point awake = now(); looks && timer_may_fire(awake)) {
        run_timers(awake);
    }
}

// Setting it makes it unreadable, so nobody has to read it.
void event_loop::set_kernel_timer() {
    const std::optional<time_point> earliest = earliest_timer();
    if (earliest == kernel_timer_ && !kernel_timer_went_off_) {
        return;
    }
    itimerspec when{};
    if (earliest) {
        const auto since_boot =
            std::chrono::duration_cast<std::chrono::nanoseconds>(earliest->time_since_epoch());
        const std::int64_t ns = std::max<std::int64_t>(since_boot.count(), 1); // 0 would disarm
        when.it_value.tv_sec = ns / 1'000'000'000;
        when.it_value.tv_nsec = ns % 1'000'000'000;
    }
    ensure(timerfd_settime(timer_fd_.get(), TFD_TIMER_ABSTIME, &when, nullptr) == 0);
    kernel_timer_ = earliest;
    kernel_timer_went_off_ = false;
}

void event_loop::deferred_added() {
    if (!immediate_armed_ && !serving_deferred_) {
        immediate_armed_ = true;
        tevent_schedule_immediate(immediate_.get(), context_.get(), immediate_ready, this);
    }
}

void event_loop::timer_fd_ready(tevent_context*, tevent_fd*, std::uint16_t, void* self) noexcept {
    auto* loop = static_cast<event_loop*>(self);
    loop->kernel_timer_went_off_ = true;
    loop->run_timers(loop->now());
}

void event_loop::immediate_ready(tevent_context*, tevent_immediate*, void* self) noexcept {
    auto* loop = static_cast<event_loop*>(self);
    loop->immediate_armed_ = false;
    loop->serving_deferred_ = true;
    for (int round = 0; round < deferred_rounds && loop->has_deferred(); ++round) {
        loop->run_deferred();
    }
    loop->serving_deferred_ = false;
    if (loop->has_deferred()) {
        loop->after_descriptors_.arm(loop->now());
    }
}

} // namespace ctdb::async
