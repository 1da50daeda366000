// slot<T>: a one-shot cell between a callback and one waiting coroutine: the reply to a request,
// the exit of a child.
//
// set() may come before or after the wait; the waiter is resumed from the loop, never from inside
// set(), so that whoever calls set() may be in the middle of changing its containers. A slot lives
// as long as both sides need it (usually in the frame that waits); destroying it while somebody
// waits is the cancellation of that wait. Setting twice keeps the first value.
#pragma once

#include "common/async/task.hpp"

#include <optional>

namespace ctdb::async {

template <class T>
class slot {
public:
    explicit slot(runtime& rt) : wake_(rt, [this] { std::exchange(waiter_, {}).resume(); }) {}

    void set(T value) {
        if (!value_) {
            value_.emplace(std::move(value));
            if (waiter_) {
                wake_.schedule();
            }
        }
    }
    [[nodiscard]] bool is_set() const noexcept { return value_.has_value(); }

    class [[nodiscard]] taker {
    public:
        explicit taker(slot& s) noexcept : slot_(s) {}
        taker(const taker&) = delete;
        taker& operator=(const taker&) = delete;
        ~taker() {
            slot_.waiter_ = {};
            slot_.wake_.cancel();
        }
        [[nodiscard]] bool await_ready() const noexcept { return slot_.is_set(); }
        void await_suspend(std::coroutine_handle<> waiter) noexcept { slot_.waiter_ = waiter; }
        T await_resume() { return std::move(*slot_.value_); }

    private:
        slot& slot_;
    };
    taker take() noexcept { return taker{*this}; }

private:
    std::optional<T> value_;
    std::coroutine_handle<> waiter_;
    deferred wake_;
};

// notice: several coroutines wait for "something changed" and look for themselves; notify() wakes
// all that wait now.
class notice {
public:
    explicit notice(runtime& rt) : rt_(rt) {}

    void notify() {
        for (waiter* w : waiting_) {
            w->wake();
        }
    }

    class [[nodiscard]] waiter {
    public:
        explicit waiter(notice& n)
            : notice_(n), wake_(n.rt_, [this] { leave(), handle_.resume(); }) {}
        waiter(const waiter&) = delete;
        waiter& operator=(const waiter&) = delete;
        ~waiter() { leave(); }
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> h) {
            handle_ = h;
            place_ = notice_.waiting_.insert(notice_.waiting_.end(), this);
            waiting_ = true;
        }
        void await_resume() const noexcept {}
        void wake() { wake_.schedule(); }

    private:
        void leave() {
            if (waiting_) {
                notice_.waiting_.erase(place_);
                waiting_ = false;
            }
        }
        notice& notice_;
        std::coroutine_handle<> handle_;
        std::list<waiter*>::iterator place_;
        deferred wake_;
        bool waiting_ = false;
    };
    waiter wait() { return waiter{*this}; }

private:
    runtime& rt_;
    std::list<waiter*> waiting_;
};

} // namespace ctdb::async
