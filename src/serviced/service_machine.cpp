#include "serviced/service_machine.hpp"

#include "common/base/ensure.hpp"

#include <algorithm>
#include <array>

namespace ctdb::serviced {

using protocol::run_state;

namespace {
constexpr std::array<std::chrono::seconds, 4> retry_pauses{
    std::chrono::seconds(5),
    std::chrono::seconds(10),
    std::chrono::seconds(20),
    std::chrono::seconds(30)};                        // M2
constexpr std::chrono::seconds recovery_patience{30}; // M4
} // namespace

void service_machine::registered() noexcept {
    connected_ = !leaving_;
    was_connected_ = true;
}

void service_machine::lost() noexcept {
    connected_ = false;
    start_requested_ = false;
    stop_requested_ = false;
    in_recovery_ = false;
    active_.reset();
    awaits_recovery_ = false;
    run_state_ = run_state::unknown;
    retry_at_.reset();
    failures_ = 0;
}

void service_machine::starter_gone() noexcept {
    lost();
    was_connected_ = true;
    leaving_ = true;
}

bool service_machine::stopped_if_it_must() const noexcept {
    return busy_ == order::none && (services_ == services::down || !must_stop());
}

void service_machine::run_state_is(run_state state) noexcept {
    run_state_ = state;
    if (!known_ && state == run_state::running) {
        services_ = services::up; // M1
    }
    known_ = true;
}

void service_machine::active_is(bool active) noexcept {
    if (active && active_.has_value() && !*active_) {
        awaits_recovery_ = true;
        await_until_.reset();
    }
    active_ = active;
}

void service_machine::recovery_is(bool running, generation now) noexcept {
    in_recovery_ = running;
    if (!running && now != generation_) {
        awaits_recovery_ = false;
    }
    generation_ = now;
}

bool service_machine::recovered(time_point now) noexcept {
    if (in_recovery_) {
        return false;
    }
    if (awaits_recovery_ && !await_until_) {
        await_until_ = now + recovery_patience;
    }
    if (awaits_recovery_ && now >= *await_until_) {
        awaits_recovery_ = false;
    }
    return !awaits_recovery_;
}

bool service_machine::must_stop() const noexcept {
    if (!connected_) {
        return was_connected_;
    }
    const bool inactive = active_.has_value() && !*active_;
    return stop_requested_ || run_state_ == run_state::shutdown ||
           (inactive && policy_.stop_when_inactive);
}

bool service_machine::wanted() const noexcept {
    if (!connected_ || !active_.has_value() || must_stop()) {
        return false;
    }
    return start_requested_ || run_state_ == run_state::running;
}

service_machine::order service_machine::next(time_point now) noexcept {
    if (busy_ != order::none) {
        return order::none;
    }
    if (must_stop() && services_ != services::down) {
        busy_ = order::shutdown;
        return busy_;
    }
    if (leaving_) {
        return order::leave;
    }
    const bool pause_over = !retry_at_ || now >= *retry_at_;
    if (services_ != services::up && wanted() && recovered(now) && pause_over) {
        busy_ = order::startup;
        return busy_;
    }
    return order::none;
}

void service_machine::startup_ended(bool ok, time_point now) noexcept {
    ensure(busy_ == order::startup);
    busy_ = order::none;
    if (ok) {
        services_ = services::up;
        failures_ = 0;
        retry_at_.reset();
        return;
    }
    services_ = services::partly;
    retry_at_ = now + retry_pauses[std::min<std::size_t>(failures_, retry_pauses.size() - 1)];
    ++failures_;
}

void service_machine::shutdown_ended() noexcept {
    ensure(busy_ == order::shutdown);
    busy_ = order::none;
    services_ = services::down;
    failures_ = 0;
    retry_at_.reset();
}

std::optional<service_machine::time_point> service_machine::look_again_at() const noexcept {
    if (busy_ != order::none) {
        return std::nullopt;
    }
    return awaits_recovery_ ? await_until_ : retry_at_;
}

bool service_machine::may_monitor() const noexcept {
    return services_ == services::up && busy_ == order::none && wanted() && !in_recovery_ &&
           run_state_ == run_state::running;
}

} // namespace ctdb::serviced
