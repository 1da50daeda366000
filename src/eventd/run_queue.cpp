#include "eventd/run_queue.hpp"

#include "common/base/ensure.hpp"

#include <algorithm>

namespace ctdb::eventd {

const run_queue::entry* run_queue::current() const noexcept {
    if (state_ == state::running) {
        return &running_;
    }
    return waiting_.empty() ? nullptr : &waiting_.front();
}

run_queue::submission run_queue::submit(run_id id, event_kind kind) {
    submission s;
    if (state_ == state::idle) {
        state_ = state::running;
        running_ = entry{id, kind};
        s.what = answer::start;
        return s;
    }
    const entry* const now = current();
    if (now != nullptr && now->kind == event_kind::monitor) {
        if (state_ == state::running) {
            s.cancel_running = now->id;
        } else {
            s.cancel_waiting = now->id;
            waiting_.pop_front(); // Q2: it was alone
        }
    } else if (now != nullptr && kind == event_kind::monitor) {
        s.what = answer::refuse_cancelled;
        return s;
    }
    if (waiting_.size() >= waiting_max) {
        s.what = answer::refuse_full;
        return s;
    }
    waiting_.push_back(entry{id, kind});
    s.what = answer::wait;
    return s;
}

void run_queue::ended() {
    ensure(state_ == state::running);
    state_ = state::settling;
}

std::optional<run_id> run_queue::settled() {
    ensure(state_ == state::settling);
    if (waiting_.empty()) {
        state_ = state::idle;
        return std::nullopt;
    }
    state_ = state::running;
    running_ = waiting_.front();
    waiting_.pop_front();
    return running_.id;
}

bool run_queue::drop_waiting(run_id id) {
    const auto place =
        std::find_if(waiting_.begin(), waiting_.end(), [id](const entry& e) { return e.id == id; });
    if (place == waiting_.end()) {
        return false;
    }
    waiting_.erase(place);
    return true;
}

std::optional<run_id> run_queue::running() const noexcept {
    return state_ == state::running ? std::optional<run_id>(running_.id) : std::nullopt;
}

} // namespace ctdb::eventd
