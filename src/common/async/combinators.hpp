// Waiting for several things: before_deadline (nullopt when the time is up), all_of (every task),
// gather (their values).
#pragma once

#include "common/async/task.hpp"

#include <optional>
#include <vector>

namespace ctdb::async {

// co_await before_deadline(rt, task, t): the task's value, or nullopt once t has passed. The loser
// is cancelled before the awaiting coroutine goes on.
template <class T>
class [[nodiscard]] before_deadline {
public:
    before_deadline(runtime& rt, task<T> work, time_point deadline)
        : work_(std::move(work)), deadline_(deadline), timer_(rt, [this] { expire(); }) {}
    before_deadline(const before_deadline&) = delete;
    before_deadline& operator=(const before_deadline&) = delete;

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> waiter) {
        waiter_ = waiter;
        timer_.arm(deadline_);
        run_ = observe(this);
        starting_ = true;
        run_.resume();
        starting_ = false;
        return !finished_;
    }
    std::optional<T> await_resume() {
        timer_.cancel();
        if (expired_) {
            return std::nullopt;
        }
        return work_.raw().promise().take();
    }

private:
    static detail::runner observe(before_deadline* self) {
        co_await detail::completion_of<T>(self->work_);
        self->finished_ = true;
        if (!self->starting_) {
            co_await detail::runner::set_next(self->waiter_);
        }
    }
    void expire() {
        expired_ = true;
        run_.reset();
        work_.reset(); // cancels the whole suspended call tree
        waiter_.resume();
    }
    task<T> work_;
    time_point deadline_;
    detail::runner run_;
    timer timer_;
    std::coroutine_handle<> waiter_;
    bool starting_ = false;
    bool finished_ = false;
    bool expired_ = false;
};

// co_await all_of(tasks): starts all, waits for all; the first exception is rethrown at the end.
class [[nodiscard]] all_of {
public:
    explicit all_of(std::vector<task<void>> tasks) : tasks_(std::move(tasks)) {}
    all_of(const all_of&) = delete;
    all_of& operator=(const all_of&) = delete;

    [[nodiscard]] bool await_ready() const noexcept { return tasks_.empty(); }
    bool await_suspend(std::coroutine_handle<> waiter) {
        waiter_ = waiter;
        left_ = tasks_.size() + 1;
        runs_.reserve(tasks_.size());
        for (const task<void>& t : tasks_) {
            runs_.push_back(observe(this, &t));
        }
        for (const detail::runner& run : runs_) {
            run.resume();
        }
        return --left_ != 0;
    }
    void await_resume() {
        for (const task<void>& t : tasks_) {
            t.raw().promise().take();
        }
    }

private:
    static detail::runner observe(all_of* self, const task<void>* t) {
        co_await detail::completion_of<void>(*t);
        if (--self->left_ == 0) {
            co_await detail::runner::set_next(self->waiter_);
        }
    }
    std::vector<task<void>> tasks_;
    std::vector<detail::runner> runs_;
    std::coroutine_handle<> waiter_;
    std::size_t left_ = 0;
};

namespace detail {
template <class T>
task<void> keep_value(task<T> work, std::optional<T>& out) {
    out.emplace(co_await std::move(work));
}
} // namespace detail

// The values of all tasks, in their order.
template <class T>
task<std::vector<T>> gather(std::vector<task<T>> tasks) {
    std::vector<std::optional<T>> kept(tasks.size());
    std::vector<task<void>> running;
    running.reserve(tasks.size());
    for (std::size_t i = 0; i < tasks.size(); ++i) {
        running.push_back(detail::keep_value(std::move(tasks[i]), kept[i]));
    }
    all_of everything(std::move(running));
    co_await everything;
    std::vector<T> values;
    values.reserve(kept.size());
    for (std::optional<T>& value : kept) {
        values.push_back(std::move(*value));
    }
    co_return values;
}

} // namespace ctdb::async
