#include "common/async/signal_watch.hpp"

#include "common/async/tevent.hpp"
#include "common/base/ensure.hpp"

namespace ctdb::async {

signal_watch::signal_watch(event_loop& loop, int signal_number, std::function<void()> raised)
    : raised_(std::move(raised)),
      event_(tevent_add_signal(loop.raw(), loop.raw(), signal_number, 0, on_signal, this)) {
    ensure(event_ != nullptr);
}

signal_watch::~signal_watch() = default;

void signal_watch::on_signal(
    tevent_context*, tevent_signal*, int, int, void*, void* self
) noexcept {
    static_cast<signal_watch*>(self)->raised_();
}

} // namespace ctdb::async
