// event_loop: the runtime of a daemon or tool, one per process, on tevent (epoll).
//
// Timers do not use tevent's (wall clock, sorted list): one timerfd on CLOCK_MONOTONIC serves our
// own queue. It is set before the loop waits, and only if the earliest timer is another one then.
#pragma once

#include "common/async/runtime.hpp"
#include "common/async/task.hpp"
#include "common/async/turn_watch.hpp"
#include "common/base/result.hpp"
#include "common/base/unique_fd.hpp"

#include <memory>
#include <optional>
#include <random>

struct tevent_context;
struct tevent_fd;
struct tevent_immediate;
struct tevent_timer;

namespace ctdb::async {

struct talloc_deleter {
    void operator()(void* object) const noexcept;
};

class event_loop final : public runtime {
public:
    event_loop(); // stops the process when the kernel refuses epoll or timerfd
    ~event_loop() override;

    [[nodiscard]] time_point now() const noexcept override { return clock::now(); }
    [[nodiscard]] std::uint64_t random() override { return random_(); }

    void run(); // until stop()
    void stop() noexcept { stopping_ = true; }
    void run_once(); // waits for and serves one event
    // Runs the loop until the task has finished; for main() of tools and for tests.
    template <class T>
    T run_until_done(task<T> work) {
        work.raw().resume();
        while (!work.raw().done()) {
            run_once();
        }
        return work.raw().promise().take();
    }

    [[nodiscard]] const turn_watch& turns() const noexcept { return turns_; }

    [[nodiscard]] tevent_context* raw() const noexcept {
        return context_.get();
    } // for this folder only

private:
    void set_kernel_timer();
    void deferred_added() override;
    void watch_turns();
    static void timer_fd_ready(tevent_context*, tevent_fd*, std::uint16_t, void* self) noexcept;
    static void immediate_ready(tevent_context*, tevent_immediate*, void* self) noexcept;

    std::unique_ptr<tevent_context, talloc_deleter> context_;
    unique_fd timer_fd_;
    std::unique_ptr<tevent_fd, talloc_deleter> timer_event_;
    std::unique_ptr<tevent_immediate, talloc_deleter> immediate_;
    std::mt19937_64 random_;
    turn_watch turns_;
    // After a few rounds deferred work waits for the next look at the descriptors: tevent serves
    // immediates before them, so work that reschedules itself would starve them.
    timer after_descriptors_;
    std::optional<time_point> kernel_timer_; // what it is set to; nullopt: to nothing
    bool kernel_timer_went_off_ = false;     // and is readable until it is set again
    bool immediate_armed_ = false;
    bool serving_deferred_ = false;
    bool stopping_ = false;
};

} // namespace ctdb::async
