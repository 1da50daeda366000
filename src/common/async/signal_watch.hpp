// signal_watch: calls `raised` from the loop, once per loop turn in which the signal has arrived.
#pragma once

#include "common/async/event_loop.hpp"

#include <functional>

struct tevent_signal;

namespace ctdb::async {

class signal_watch {
public:
    signal_watch(event_loop& loop, int signal_number, std::function<void()> raised);
    signal_watch(const signal_watch&) = delete;
    signal_watch& operator=(const signal_watch&) = delete;
    ~signal_watch();

private:
    static void on_signal(tevent_context*, tevent_signal*, int, int, void*, void* self) noexcept;
    callback<> raised_;
    std::unique_ptr<tevent_signal, talloc_deleter> event_;
};

} // namespace ctdb::async
