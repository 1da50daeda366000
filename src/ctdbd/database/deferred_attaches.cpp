#include "ctdbd/database/deferred_attaches.hpp"

#include "common/base/log.hpp"

#include <algorithm>
#include <utility>

namespace ctdb::ctdbd {

deferred_attaches::deferred_attaches(async::runtime& rt, std::function<void(attach_request)> retry)
    : rt_(rt), retry_(std::move(retry)), replay_(rt, [this] { replay(); }),
      expiry_(rt, [this] { expire(); }) {}

void deferred_attaches::put_off(attach_request request, async::duration limit) {
    log_info("attach of {} waits for the end of the recovery", request.name);
    const auto deadline = retried_deadline_.value_or(rt_.now() + limit);
    waiting_.push_back({std::move(request), deadline});
    arm_expiry();
}

void deferred_attaches::replay_soon() {
    if (!waiting_.empty()) {
        replay_.arm_in(async::duration::zero());
    }
}

void deferred_attaches::replay() {
    for (item& next : std::exchange(waiting_, {})) {
        retried_deadline_ = next.deadline; // put off again: the first deadline stands
        retry_(std::move(next.request));
    }
    retried_deadline_.reset();
    arm_expiry();
}

void deferred_attaches::expire() {
    std::list<item> late;
    for (auto i = waiting_.begin(); i != waiting_.end();) {
        const auto next = std::next(i);
        if (i->deadline <= rt_.now()) {
            late.splice(late.end(), waiting_, i);
        }
        i = next;
    }
    arm_expiry();
    for (const item& i : late) {
        i.request.done(refuse("attach of {}: no end of the recovery", i.request.name));
    }
}

void deferred_attaches::arm_expiry() {
    const auto first =
        std::min_element(waiting_.begin(), waiting_.end(), [](const item& a, const item& b) {
            return a.deadline < b.deadline;
        });
    if (first == waiting_.end()) {
        expiry_.cancel();
    } else {
        expiry_.arm(first->deadline);
    }
}

void deferred_attaches::client_gone(client_id client) {
    waiting_.remove_if([client](const item& i) { return i.request.who.client == client; });
    arm_expiry();
}

} // namespace ctdb::ctdbd
