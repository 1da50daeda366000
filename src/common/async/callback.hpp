// callback<Args...>: a function held by an object that the function itself may destroy while it
// runs.
//
// A std::function member destroyed during its own call takes its captures with it; here the
// function is held on the stack for the length of the call and put back only if the owner still
// lives. Not re-entrant.
#pragma once

#include "common/base/ensure.hpp"

#include <functional>
#include <utility>

namespace ctdb::async {

template <class... Args>
class callback {
public:
    explicit callback(std::function<void(Args...)> function) : function_(std::move(function)) {
        ensure(function_ != nullptr);
    }
    callback(const callback&) = delete;
    callback& operator=(const callback&) = delete;
    ~callback() {
        if (gone_ != nullptr) {
            *gone_ = true;
        }
    }

    void operator()(Args... args) {
        bool gone = false;
        gone_ = &gone;
        std::function<void(Args...)> running = std::move(function_);
        running(std::forward<Args>(args)...);
        if (!gone) {
            gone_ = nullptr;
            function_ = std::move(running);
        }
    }

private:
    std::function<void(Args...)> function_;
    bool* gone_ = nullptr;
};

} // namespace ctdb::async
