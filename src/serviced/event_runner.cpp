#include "serviced/event_runner.hpp"

#include "common/base/log.hpp"
#include "common/event/script_dir.hpp"

#include <utility>

namespace ctdb::serviced {

namespace {

constexpr std::chrono::seconds notification_timeout{30};

int badness(const event_result& r) noexcept {
    if (r.could_not_run) {
        return 4;
    }
    switch (r.code) {
    case 0:
        return 0;
    case ECANCELED:
        return 1;
    case ETIMEDOUT:
        return 2;
    default:
        return 3;
    }
}

} // namespace

event_result worse_of(event_result first, event_result second) {
    return badness(second) > badness(first) ? std::move(second) : std::move(first);
}

event_runner::event_runner(async::event_loop& loop, path::paths where)
    : where_(std::move(where)), client_(loop, where_.socket("eventd")) {}

async::task<event_result> event_runner::run_in(std::string component, event_wanted what) {
    event::run_request asked;
    asked.component = std::move(component);
    asked.event = std::move(what.event);
    asked.timeout_seconds = static_cast<std::uint32_t>(what.timeout.count());
    asked.run_all = what.run_all;
    auto outcome = co_await client_.run(std::move(asked));
    event_result r;
    if (!outcome) {
        r.code = outcome.error().code;
        r.could_not_run = true;
        r.reason = "eventd: " + outcome.error().what;
    } else if (outcome->code != ENOENT) { // no directory: nothing to do
        r.code = outcome->code;
        r.reason = outcome->reason();
    }
    co_return r;
}

async::task<event_result> event_runner::run(event_wanted what) {
    const bool legacy = event::has_enabled_script(where_.enabled_events("legacy"));
    const bool legacy_first = what.event == "shutdown";
    event_result all;
    if (legacy && legacy_first) {
        all = co_await run_in("legacy", what);
    }
    auto own = co_await run_in("service", what);
    all = worse_of(std::move(all), std::move(own));
    if (legacy && !legacy_first && (all.ok() || what.run_all)) {
        auto theirs = co_await run_in("legacy", what);
        all = worse_of(std::move(all), std::move(theirs));
    }
    co_return all;
}

async::task<void> event_runner::notify(std::string event) {
    event_wanted what{event, notification_timeout, true};
    const auto done = co_await run_in("notification", std::move(what));
    if (!done.ok()) {
        log_warning("notification {}: {}", event, done.reason);
    }
}

} // namespace ctdb::serviced
