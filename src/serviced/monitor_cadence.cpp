#include "serviced/monitor_cadence.hpp"

#include <algorithm>
#include <cerrno>

namespace ctdb::serviced {

void monitor_cadence::set(settings s) noexcept {
    settings_ = s;
    settings_.interval_max = std::max(s.interval_max, std::chrono::seconds(1)); // never a busy loop
}

void monitor_cadence::services_started() noexcept {
    healthy_ = false;
    timeouts_ = 0;
    interval_ = interval_first;
}

monitor_cadence::verdict monitor_cadence::turn(bool healthy) noexcept {
    if (healthy == healthy_) {
        return verdict::unchanged;
    }
    healthy_ = healthy;
    interval_ = interval_after_change;
    return healthy ? verdict::healthy : verdict::unhealthy;
}

monitor_cadence::verdict monitor_cadence::judge(std::int32_t code) noexcept {
    if (code == ECANCELED) {
        return verdict::unchanged;
    }
    if (code == ETIMEDOUT) {
        return ++timeouts_ < settings_.timeout_count ? verdict::unchanged : turn(false);
    }
    timeouts_ = 0;
    return turn(code == 0);
}

monitor_cadence::verdict monitor_cadence::could_not_run() noexcept {
    interval_ = interval_after_change;
    return turn(false);
}

std::chrono::seconds monitor_cadence::next_pause() noexcept {
    const std::chrono::seconds pause = std::min(interval_, settings_.interval_max);
    interval_ = std::min(2 * interval_, settings_.interval_max);
    return pause;
}

} // namespace ctdb::serviced
