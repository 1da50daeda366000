#include "serviced/keeper.hpp"

#include "common/base/log.hpp"

#include <utility>

namespace ctdb::serviced {

namespace {

provider::acknowledge acknowledged() {
    return provider::acknowledge{};
}

provider::acknowledge refused(std::string why) {
    return provider::acknowledge{-1, std::move(why)};
}

} // namespace

keeper_settings keeper_settings_of(const conf::config& c) {
    keeper_settings s;
    s.startup_timeout = std::chrono::seconds(c.get(conf::options::service_startup_timeout));
    s.shutdown_timeout = std::chrono::seconds(c.get(conf::options::service_shutdown_timeout));
    s.stop_when_inactive = c.get(conf::options::stop_when_inactive);
    s.monitor_run_all = c.get(conf::options::monitor_run_all);
    return s;
}

keeper::keeper(
    async::event_loop& loop,
    const path::paths& where,
    keeper_settings settings,
    std::function<void()> leave
)
    : loop_(loop), settings_(settings), leave_(std::move(leave)),
      machine_({settings.stop_when_inactive}), changed_(loop), events_(loop, where),
      ctdbd_(
          loop,
          where.provider_socket(),
          provider::identity{"serviced", {}, {}},
          provider::provider_client::handlers{
              {},
              [this](provider::message event) { return on_event(std::move(event)); },
              {},
              {},
              [this](const provider::registered&) { on_registered(); },
              {},
              [this](const error&) { on_lost(); }}
      ),
      tasks_(loop) {
    tasks_.spawn(keep_services());
    tasks_.spawn(keep_monitoring());
}

void keeper::set(keeper_settings settings) {
    settings_ = settings;
    machine_.set_stop_when_inactive(settings.stop_when_inactive);
    changed_.notify();
}

void keeper::on_registered() {
    events_.connect();
    machine_.registered();
    changed_.notify();
}

void keeper::on_lost() {
    machine_.lost();
    changed_.notify();
}

void keeper::starter_gone() {
    machine_.starter_gone();
    changed_.notify();
}

void keeper::report(bool healthy, std::string reason) {
    provider::set_health now{healthy, std::move(reason)};
    if (reported_ == now) {
        return;
    }
    if (!reported_ || reported_->healthy != healthy) {
        log_notice("node is {}{}", healthy ? "healthy" : "unhealthy: ", now.reason);
    }
    reported_ = now;
    ctdbd_.push(std::move(now));
}

void keeper::learn(const provider::tunables_changed& now) {
    using id = protocol::tunable_id;
    monitor_cadence::settings s;
    s.interval_max = std::chrono::seconds(now.tunables[id::monitor_interval]);
    s.timeout_count = now.tunables[id::monitor_timeout_count];
    cadence_.set(s);
    monitor_timeout_ = std::chrono::seconds(now.tunables[id::event_script_timeout]);
}

async::task<provider::acknowledge> keeper::on_event(provider::message event) {
    if (const auto* run_state = std::get_if<provider::run_state_changed>(&event)) {
        machine_.run_state_is(run_state->state);
    } else if (const auto* activity = std::get_if<provider::activity_changed>(&event)) {
        machine_.active_is(activity->active);
        changed_.notify();
        if (!activity->active) {
            co_return co_await wait_until_stopped();
        }
    } else if (const auto* recovery = std::get_if<provider::recovery_changed>(&event)) {
        machine_.recovery_is(recovery->in_recovery, recovery->generation);
    } else if (std::holds_alternative<provider::start_services>(event)) {
        machine_.start_requested();
        changed_.notify();
        co_return co_await wait_until_started();
    } else if (const auto* shutdown = std::get_if<provider::shutting_down>(&event)) {
        if (shutdown->phase == provider::shutdown_phase::stop_services) {
            machine_.stop_requested();
            changed_.notify();
            co_return co_await wait_until_stopped();
        }
    } else if (const auto* tunables = std::get_if<provider::tunables_changed>(&event)) {
        learn(*tunables);
    }
    changed_.notify();
    co_return acknowledged();
}

async::task<provider::acknowledge> keeper::wait_until_started() {
    while (machine_.state() != service_machine::services::up) {
        co_await changed_.wait();
        if (!machine_.wanted()) {
            co_return refused("services are not wanted any more");
        }
    }
    co_return acknowledged();
}

async::task<provider::acknowledge> keeper::wait_until_stopped() {
    while (!machine_.stopped_if_it_must()) {
        co_await changed_.wait();
    }
    co_return acknowledged();
}

async::task<void> keeper::wait_for_change(std::optional<async::time_point> until) {
    async::timer wake(loop_, [this] { changed_.notify(); });
    if (until) {
        wake.arm(*until);
    }
    co_await changed_.wait();
}

async::task<void> keeper::keep_services() {
    for (;;) {
        switch (machine_.next(loop_.now())) {
        case service_machine::order::startup:
            co_await start_services();
            break;
        case service_machine::order::shutdown:
            co_await stop_services();
            break;
        case service_machine::order::leave:
            leave_();
            co_return;
        case service_machine::order::none:
            co_await wait_for_change(machine_.look_again_at());
            continue;
        }
        changed_.notify();
    }
}

async::task<void> keeper::start_services() {
    log_notice("starting services");
    report(false, "services are starting");
    event_wanted what{"startup", settings_.startup_timeout, false};
    const auto done = co_await events_.run(std::move(what));
    if (done.ok()) {
        log_notice("services have started");
        cadence_.services_started();
        monitor_due_ = loop_.now();
    } else {
        log_error("services have not started: {}", done.reason);
        report(false, "startup: " + done.reason);
    }
    machine_.startup_ended(done.ok(), loop_.now());
}

async::task<void> keeper::stop_services() {
    log_notice("stopping services");
    report(false, "services are stopped");
    event_wanted what{"shutdown", settings_.shutdown_timeout, true};
    const auto done = co_await events_.run(std::move(what));
    if (done.ok()) {
        log_notice("services have stopped");
    } else {
        log_error("stopping services: {}", done.reason);
    }
    machine_.shutdown_ended();
}

async::task<void> keeper::keep_monitoring() {
    for (;;) {
        if (!machine_.may_monitor()) {
            co_await wait_for_change(std::nullopt);
        } else if (loop_.now() < monitor_due_) {
            co_await wait_for_change(monitor_due_);
        } else {
            co_await monitor_once();
            monitor_due_ = loop_.now() + cadence_.next_pause();
        }
    }
}

async::task<void> keeper::monitor_once() {
    event_wanted what{"monitor", monitor_timeout_, settings_.monitor_run_all};
    const auto done = co_await events_.run(std::move(what));
    if (!machine_.may_monitor()) {
        co_return; // stopped meanwhile: the result says nothing about services that should run
    }
    const auto verdict = done.could_not_run ? cadence_.could_not_run() : cadence_.judge(done.code);
    if (done.code == ETIMEDOUT) {
        log_warning("monitor event timed out, {} in a row", cadence_.timeouts());
    }
    if (verdict != monitor_cadence::verdict::unchanged) {
        tasks_.spawn(events_.notify(cadence_.healthy() ? "healthy" : "unhealthy"));
    }
    if (cadence_.healthy()) {
        report(true, "");
    } else if (done.code != ECANCELED) {
        report(false, done.reason);
    }
}

} // namespace ctdb::serviced
