#include "ctdbd/leadership/recovery_pace.hpp"

#include <algorithm>

namespace ctdb::ctdbd {

namespace {
constexpr std::uint32_t doublings_max = 16;
}

async::time_point recovery_pace::earliest(const recovery_need& need) const {
    const bool after_failure = need.cause == recovery_cause::unfinished;
    if (!last_ || repeats_ == 0 || !(after_failure || need.same_as(*last_))) {
        return {};
    }
    const auto wait = first_wait * (1U << std::min(repeats_ - 1, doublings_max));
    const auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(limit_);
    return ended_ + std::min<std::chrono::milliseconds>(wait, limit);
}

void recovery_pace::finished(const recovery_need& need, bool success, async::time_point now) {
    const bool retry = need.cause == recovery_cause::unfinished;
    const bool repeated = last_ && (retry || need.same_as(*last_));
    const bool recent = now - ended_ < limit_ + limit_;
    repeats_ = repeated && recent ? repeats_ + 1 : 1;
    if (!retry || !last_) {
        last_ = need;
    }
    if (success && retry) {
        repeats_ = 1;
    }
    ended_ = now;
}

} // namespace ctdb::ctdbd
