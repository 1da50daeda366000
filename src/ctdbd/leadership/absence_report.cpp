#include "ctdbd/leadership/absence_report.hpp"

namespace ctdb::ctdbd {

using namespace std::chrono_literals;

absence_step absence_report::look(bool all_here, async::time_point now) {
    if (all_here) {
        const bool news = since_ && said_;
        since_.reset();
        return news ? absence_step::say_complete : absence_step::nothing;
    }
    if (!since_) {
        since_ = now;
        next_ = now + 1min;
        said_ = false;
    }
    if (now < next_) {
        return absence_step::nothing;
    }
    said_ = true;
    const auto missing = now - *since_;
    const auto pause = missing < 10min ? 1min : (missing < 60min ? 10min : 60min);
    next_ = now + pause;
    return absence_step::say_missing;
}

std::chrono::minutes absence_report::missing_for(async::time_point now) const {
    return since_ ? std::chrono::duration_cast<std::chrono::minutes>(now - *since_)
                  : std::chrono::minutes(0);
}

} // namespace ctdb::ctdbd
