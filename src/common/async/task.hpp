// task<T>: a coroutine that is lazy, has one owner, and is cancelled by destroying it.
//
// Awaiting starts it. Errors travel as result<T> values; an exception (bad_alloc) is rethrown where
// the task is awaited. A task may be destroyed whenever it is suspended, never while it runs (a
// task_set reaps finished tasks from the loop).
//
// gcc 12 turns symmetric transfer into a tail call only when optimising without sanitizers, so a
// loop of awaits that complete at once would overflow the stack. await_suspend therefore starts the
// child itself and then looks whether it has already finished (measured: flat stack in every build,
// same speed).
#pragma once

#include "common/async/runtime.hpp"

#include <coroutine>
#include <cstdint>
#include <exception>
#include <utility>
#include <variant>

namespace ctdb::async {

template <class T = void>
class task;

namespace detail {

struct promise_base {
    enum class phase : std::uint8_t { detached, starting, done };
    std::coroutine_handle<> continuation = std::noop_coroutine();
    phase now_in = phase::detached;

    struct final_awaiter {
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        template <class Promise>
        void await_suspend(std::coroutine_handle<Promise> self) const noexcept {
            promise_base& p = self.promise();
            if (p.now_in == phase::starting) {
                p.now_in = phase::done;
            } else {
                p.continuation.resume(); // may destroy this frame: touch nothing after
            }
        }
        void await_resume() const noexcept {}
    };

    // Starts `child` on behalf of `waiter`; true: still running, the waiter stays suspended.
    template <class Handle>
    static bool start(Handle child, std::coroutine_handle<> waiter) noexcept {
        promise_base& p = child.promise();
        p.continuation = waiter;
        p.now_in = phase::starting;
        child.resume();
        if (p.now_in == phase::done) {
            return false;
        }
        p.now_in = phase::detached;
        return true;
    }
    [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
    [[nodiscard]] final_awaiter final_suspend() const noexcept { return {}; }
};

template <class T>
struct promise : promise_base {
    std::variant<std::monostate, T, std::exception_ptr> outcome;
    task<T> get_return_object() noexcept;
    template <class U>
    void return_value(U&& value) {
        outcome.template emplace<1>(std::forward<U>(value));
    }
    void unhandled_exception() noexcept { outcome.template emplace<2>(std::current_exception()); }
    T take() {
        if (outcome.index() == 2) {
            std::rethrow_exception(std::get<2>(outcome));
        }
        return std::move(std::get<1>(outcome));
    }
};

template <>
struct promise<void> : promise_base {
    std::exception_ptr failure;
    task<void> get_return_object() noexcept;
    void return_void() const noexcept {}
    void unhandled_exception() noexcept { failure = std::current_exception(); }
    void take() const {
        if (failure) {
            std::rethrow_exception(failure);
        }
    }
};

} // namespace detail

template <class T>
class [[nodiscard]] task {
public:
    using promise_type = detail::promise<T>;
    using handle = std::coroutine_handle<promise_type>;

    task() noexcept = default;
    explicit task(handle h) noexcept : handle_(h) {}
    task(task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
    task& operator=(task&& other) noexcept {
        if (this != &other) {
            reset();
            handle_ = std::exchange(other.handle_, {});
        }
        return *this;
    }
    task(const task&) = delete;
    task& operator=(const task&) = delete;
    ~task() { reset(); }

    void reset() noexcept {
        if (handle_) {
            std::exchange(handle_, {}).destroy();
        }
    }
    [[nodiscard]] handle raw() const noexcept { return handle_; }

    class awaiter {
    public:
        explicit awaiter(handle h) noexcept : handle_(h) {}
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        bool await_suspend(std::coroutine_handle<> waiter) noexcept {
            return detail::promise_base::start(handle_, waiter);
        }
        T await_resume() { return handle_.promise().take(); }

    private:
        handle handle_;
    };
    awaiter operator co_await() && noexcept { return awaiter{handle_}; }
    awaiter operator co_await() & noexcept { return awaiter{handle_}; }

private:
    handle handle_;
};

namespace detail {
template <class T>
task<T> promise<T>::get_return_object() noexcept {
    return task<T>{std::coroutine_handle<promise>::from_promise(*this)};
}
inline task<void> promise<void>::get_return_object() noexcept {
    return task<void>{std::coroutine_handle<promise>::from_promise(*this)};
}

// Awaits the end of a task without taking its outcome.
template <class T>
class completion_of {
public:
    explicit completion_of(const task<T>& t) noexcept : handle_(t.raw()) {}
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> waiter) noexcept {
        return promise_base::start(handle_, waiter);
    }
    void await_resume() const noexcept {}

private:
    typename task<T>::handle handle_;
};

// A started coroutine that its owner may destroy whenever it is suspended; at its end it resumes
// `next`.
class [[nodiscard]] runner {
public:
    struct promise_type {
        std::coroutine_handle<> next = std::noop_coroutine();
        runner get_return_object() noexcept {
            return runner{std::coroutine_handle<promise_type>::from_promise(*this)};
        }
        [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
        struct final_awaiter {
            [[nodiscard]] bool await_ready() const noexcept { return false; }
            void await_suspend(std::coroutine_handle<promise_type> self) const noexcept {
                self.promise().next.resume();
            }
            void await_resume() const noexcept {}
        };
        [[nodiscard]] final_awaiter final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        void unhandled_exception() const noexcept { std::terminate(); } // bodies catch everything
    };
    using handle = std::coroutine_handle<promise_type>;

    runner() noexcept = default;
    explicit runner(handle h) noexcept : handle_(h) {}
    runner(runner&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
    runner& operator=(runner&& other) noexcept {
        if (this != &other) {
            reset();
            handle_ = std::exchange(other.handle_, {});
        }
        return *this;
    }
    runner(const runner&) = delete;
    runner& operator=(const runner&) = delete;
    ~runner() { reset(); }
    void reset() noexcept {
        if (handle_) {
            std::exchange(handle_, {}).destroy();
        }
    }
    void resume() const { handle_.resume(); }

    // Inside a runner: what to resume at its end.
    class set_next {
    public:
        explicit set_next(std::coroutine_handle<> next) noexcept : next_(next) {}
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        bool await_suspend(handle self) const noexcept {
            self.promise().next = next_;
            return false;
        }
        void await_resume() const noexcept {}

    private:
        std::coroutine_handle<> next_;
    };

private:
    handle handle_;
};

} // namespace detail

// co_await sleep_until(rt, t): resumed from the loop at or after t.
class [[nodiscard]] sleep_until {
public:
    sleep_until(runtime& rt, time_point at) : at_(at), timer_(rt, [this] { waiter_.resume(); }) {}
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiter) {
        waiter_ = waiter;
        timer_.arm(at_);
    }
    void await_resume() const noexcept {}

private:
    time_point at_;
    timer timer_;
    std::coroutine_handle<> waiter_;
};

inline sleep_until sleep_for(runtime& rt, duration d) {
    return {rt, rt.now() + d};
}

// co_await next_turn(rt): lets the loop serve everything else first.
class [[nodiscard]] next_turn {
public:
    explicit next_turn(runtime& rt) : later_(rt, [this] { waiter_.resume(); }) {}
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiter) {
        waiter_ = waiter;
        later_.schedule();
    }
    void await_resume() const noexcept {}

private:
    deferred later_;
    std::coroutine_handle<> waiter_;
};

} // namespace ctdb::async
