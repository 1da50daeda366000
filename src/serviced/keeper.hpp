// keeper: serviced at work. Two loops, one that starts and stops services as service_machine says,
// one that monitors them as monitor_cadence says; ctdbd's events feed both, and the node's health
// goes to ctdbd.
//
// ctdbd's start_services is acknowledged when the services have started, however many attempts that
// takes; becoming inactive and the shutdown phase, when they have stopped.
#pragma once

#include "common/async/event_loop.hpp"
#include "common/async/slot.hpp"
#include "common/async/task_set.hpp"
#include "common/conf/config.hpp"
#include "common/provider/provider_client.hpp"
#include "serviced/event_runner.hpp"
#include "serviced/monitor_cadence.hpp"
#include "serviced/service_machine.hpp"

#include <functional>
#include <optional>
#include <string>

namespace ctdb::serviced {

struct keeper_settings {
    std::chrono::seconds startup_timeout{300};
    std::chrono::seconds shutdown_timeout{300};
    bool stop_when_inactive = true;
    bool monitor_run_all = false;
};
[[nodiscard]] keeper_settings keeper_settings_of(const conf::config& c);

class keeper {
public:
    // `leave` is called once, after starter_gone(), when the services are stopped.
    keeper(
        async::event_loop& loop,
        const path::paths& where,
        keeper_settings settings,
        std::function<void()> leave
    );
    keeper(const keeper&) = delete;
    keeper& operator=(const keeper&) = delete;

    void set(keeper_settings settings);
    void starter_gone(); // ctdbd started us and is no more

private:
    async::task<void> keep_services();
    async::task<void> keep_monitoring();
    async::task<void> start_services();
    async::task<void> stop_services();
    async::task<void> monitor_once();
    async::task<void> wait_for_change(std::optional<async::time_point> until);
    async::task<provider::acknowledge> on_event(provider::message event);
    async::task<provider::acknowledge> wait_until_started();
    async::task<provider::acknowledge> wait_until_stopped();
    void learn(const provider::tunables_changed& now);
    void on_registered();
    void on_lost();
    void report(bool healthy, std::string reason);

    async::event_loop& loop_;
    keeper_settings settings_;
    std::function<void()> leave_;
    service_machine machine_;
    monitor_cadence cadence_;
    async::time_point monitor_due_;
    std::chrono::seconds monitor_timeout_{30}; // EventScriptTimeout
    std::optional<provider::set_health> reported_;
    async::notice changed_;
    event_runner events_;
    provider::provider_client ctdbd_;
    async::task_set tasks_; // last: its tasks use the rest
};

} // namespace ctdb::serviced
