#include "ctdbd/database/record/redirect_memory.hpp"

namespace ctdb::ctdbd {

bool redirect_memory::circles(const redirect& r, async::time_point now) {
    forget_old(now);
    const auto [place, is_new] = seen_.try_emplace(name(r), past{r.to, r.rsn, now});
    if (is_new) {
        order_.emplace_back(place->first, now);
        return false;
    }
    past& last = place->second;
    if (last.to == r.to && last.rsn == r.rsn && r.via == r.to) {
        return true;
    }
    last = past{r.to, r.rsn, now};
    return false;
}

void redirect_memory::forget_old(async::time_point now) {
    while (!order_.empty() &&
           (order_.size() >= remembered_max || now - order_.front().second > remembered_for)) {
        seen_.erase(order_.front().first);
        order_.pop_front();
    }
}

void redirect_memory::clear() {
    seen_.clear();
    order_.clear();
}

} // namespace ctdb::ctdbd
