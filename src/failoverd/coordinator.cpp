#include "failoverd/coordinator.hpp"

#include "common/base/log.hpp"

#include <algorithm>

namespace ctdb::failoverd {

namespace {

// A last word of a node that is seen to go later than that was not said because of this end.
constexpr std::chrono::milliseconds word_to_end{500};

// What of a status decides about a plan. `held` does not: a run changes it.
bool same_input(const status& a, const status& b) {
    return a.known == b.known && a.available == b.available;
}

} // namespace

// ---- leadership and nodes ----

void coordinator::lead(epoch highest_seen, time_point now) {
    const std::uint64_t term = std::max(term_of(highest_seen), term_of(epoch_)) + 1;
    leading_ = true;
    term_began_ = last_awake_ = next_beat_ = now;
    epoch_ = epoch_of(term, 0);
    phase_ = phase::idle;
    plan_.clear();
    members_.clear();
    used_.clear();
    recent_starts_.clear();
    for (auto& [node, view] : nodes_) {
        const node_state state = view.state;
        const std::optional<time_point> word = view.released_all;
        view = node_view{};
        view.state = state;
        view.released_all = word;
        view.fenced_before = node == fenced_before_ && !state.connected;
        believe_last_word(view, now);
    }
    fenced_before_ = unknown_pnn; // of this term only
    want_run("this node has become leader", urgency::at_once, now);
}

void coordinator::stop_leading() {
    leading_ = false;
    wanted_ = false;
    phase_ = phase::idle;
    members_.clear();
}

void coordinator::nodes_are(std::map<pnn, node_state> nodes, time_point now) {
    bool lost = false;
    for (const auto& [node, state] : nodes) {
        node_view& view = nodes_[node];
        const bool left =
            view.state.connected && view.state.active && !(state.connected && state.active);
        lost = lost || left;
        const bool came = !view.state.connected && state.connected;
        const bool went = view.state.connected && !state.connected;
        if (came || (went && view.released_all && now - *view.released_all > word_to_end)) {
            view.released_all.reset(); // of an earlier life
        }
        if (came) {
            view.last_word.reset(); // its clock may have begun anew
        }
        view.ended = view.ended && !state.connected;
        view.fenced_before = view.fenced_before && !state.connected;
        view.state = state;
        view.speaks = view.speaks && state.connected;
        if (left && phase_ != phase::idle && members_.erase(node) != 0) {
            log_notice("node {} has left during failover run {:#x}", node, epoch_);
            if (phase_ == phase::preparing) {
                want_run("a member has left", urgency::at_once, now);
                phase_ = phase::idle;
            }
        }
    }
    std::erase_if(nodes_, [&nodes](const auto& known) { return !nodes.contains(known.first); });
    if (lost) {
        want_run("a node has left", urgency::at_once, now);
    }
}

bool coordinator::reports(const node_view& n, time_point now) const {
    return n.speaks && n.last && now - n.heard < silence_limit;
}

bool coordinator::usable(const node_view& n, time_point now) const {
    return n.state.active && reports(n, now) && now >= n.left_out_until;
}

std::map<pnn, status> coordinator::inputs(time_point now) const {
    std::map<pnn, status> all;
    for (const auto& [node, view] : nodes_) {
        if (usable(view, now)) {
            all.emplace(node, *view.last);
        }
    }
    return all;
}

stamp coordinator::echo_of(pnn node) const {
    const auto found = nodes_.find(node);
    return found != nodes_.end() && found->second.last ? found->second.last->now : stamp{};
}

// ---- when to run ----

void coordinator::want_run(const std::string& reason, urgency how, time_point now) {
    if (!leading_) {
        return;
    }
    const time_point at = how == urgency::at_once ? now : now + collect_time;
    if (!wanted_) {
        log_info("failover run wanted: {}", reason);
        wanted_why_ = reason;
        start_at_ = at;
    }
    wanted_ = true;
    urgent_ = urgent_ || how == urgency::at_once;
    start_at_ = std::min(start_at_, at);
}

bool coordinator::ready_to_start(time_point now) const {
    if (!wanted_ || now < start_at_ || now < held_back_until_ || phase_ != phase::idle) {
        return false;
    }
    if (now >= term_began_ + first_reports) {
        return true;
    }
    return std::all_of(nodes_.begin(), nodes_.end(), [](const auto& n) {
        const node_state& s = n.second.state;
        return !s.connected || !s.active || n.second.last;
    });
}

void coordinator::lift_exclusions(time_point now) {
    for (auto& [where, e] : exclusions_) {
        if (!e.lapsed && now >= e.until) {
            e.lapsed = true;
            want_run("an item may be tried again", urgency::normal, now);
        }
    }
}

void coordinator::watch_conformity(time_point now) {
    lift_exclusions(now);
    const std::map<pnn, status> present = inputs(now);
    const bool same = std::equal(
        present.begin(),
        present.end(),
        used_.begin(),
        used_.end(),
        [](const auto& a, const auto& b) {
            return a.first == b.first && same_input(a.second, b.second);
        }
    );
    if (!same) {
        want_run("nodes or what they could hold have changed", urgency::normal, now);
    }
    bool deviates = false;
    const item_set waiting = pending();
    for (const auto& [node, s] : present) {
        const item_set share = share_of(plan_, node);
        deviates = deviates || (s.closed && gains_of(node).empty()) ||
                   !without(s.held, share).empty() ||
                   !without(without(share, s.held), waiting).empty();
    }
    if (!deviates) {
        deviates_since_.reset();
    } else if (!deviates_since_) {
        deviates_since_ = now;
    } else if (now - *deviates_since_ >= conformity_patience) {
        deviates_since_ = now;
        want_run("a node holds something else than planned", urgency::normal, now);
    }
}

// What a leader knows of the others is only good while it has not slept: another may have led
// meanwhile and moved items.
void coordinator::notice_sleep(time_point now) {
    if (now - last_awake_ > sleep_max) {
        log_warning("this leader stood still; it starts a new term");
        lead(epoch_, now);
    }
    last_awake_ = now;
}

void coordinator::tick(time_point now) {
    if (!leading_) {
        return;
    }
    notice_sleep(now);
    beat(now);
    if (phase_ == phase::idle) {
        watch_conformity(now);
    }
    if (ready_to_start(now)) {
        start(now);
        return;
    }
    switch (phase_) {
    case phase::idle:
        if (!members_.empty() && now >= next_retry_) {
            next_retry_ = now + retry_pause;
            give(now);
        }
        break;
    case phase::preparing:
        if (now >= phase_limit_) {
            for (const auto& [node, m] : members_) {
                if (m.prepared != answer::given) {
                    restart_without(node, "no answer to PREPARE", now);
                    break;
                }
            }
        }
        break;
    case phase::moving:
        give(now);
        finish_if_answered(now);
        break;
    case phase::finalising:
        finish_if_answered(now);
        break;
    }
}

time_point coordinator::next_tick(time_point now) const {
    time_point next = std::max(next_beat_, now);
    if (wanted_ && phase_ == phase::idle) {
        next = std::min(
            next, std::max({start_at_, held_back_until_, now + std::chrono::milliseconds(20)})
        );
    }
    if (phase_ != phase::idle) {
        next = std::min(next, now + std::chrono::milliseconds(50));
    } else if (!members_.empty() && !pending().empty()) {
        next = std::min(next, std::max(next_retry_, now));
    }
    return next;
}

} // namespace ctdb::failoverd
