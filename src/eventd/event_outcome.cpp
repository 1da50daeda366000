#include "eventd/event_outcome.hpp"

#include <utility>

namespace ctdb::eventd {

void event_outcome::add(event::script_result ended) {
    const std::int32_t r = ended.result;
    status_.scripts.push_back(std::move(ended));
    if (r == 0 || r == event::result_disabled) {
        return;
    }
    if (r == event::result_cancelled) {
        cancelled_ = true;
        goes_on_ = false;
        return;
    }
    status_.summary = r;
    // the time is up for all that would follow
    goes_on_ = run_all_ && r != event::result_timed_out;
}

std::int32_t event_outcome::answer() const noexcept {
    if (cancelled_) {
        return ECANCELED;
    }
    if (status_.summary == event::result_timed_out) {
        return ETIMEDOUT;
    }
    return status_.summary == 0 ? 0 : ENOEXEC;
}

} // namespace ctdb::eventd
