// event_runner: one event of the services: in component service and, where it has enabled scripts,
// in component legacy (events.md 11.6); shutdown in the opposite order.
#pragma once

#include "common/event/event_client.hpp"
#include "common/path/paths.hpp"

#include <chrono>
#include <string>

namespace ctdb::serviced {

struct event_result {
    std::int32_t code = 0; // 0, or the worst: failure, ETIMEDOUT, ECANCELED
    bool could_not_run = false;
    std::string reason; // of a failure, one line
    [[nodiscard]] bool ok() const noexcept { return code == 0 && !could_not_run; }
};

// The worse of two; equally bad: the first.
[[nodiscard]] event_result worse_of(event_result first, event_result second);

struct event_wanted {
    std::string event;
    std::chrono::seconds timeout{30};
    bool run_all = false;
};

class event_runner {
public:
    event_runner(async::event_loop& loop, path::paths where);

    [[nodiscard]] async::task<event_result> run(event_wanted what);
    // Component notification; nobody waits for the outcome, a failure is logged.
    [[nodiscard]] async::task<void> notify(std::string event);
    void connect() { static_cast<void>(client_.connect()); } // keeps eventd there for us

private:
    [[nodiscard]] async::task<event_result> run_in(std::string component, event_wanted what);

    path::paths where_;
    event::event_client client_;
};

} // namespace ctdb::serviced
