// What members say, and what that proves about an item (failover.md 15.8).
#include "common/base/log.hpp"
#include "failoverd/coordinator.hpp"

#include <algorithm>

namespace ctdb::failoverd {

namespace {

constexpr std::chrono::milliseconds word_lasts{5000}; // an older last word says nothing about now

} // namespace

// ---- proof ----

coordinator::clearance coordinator::may_give(const item& which, pnn to, time_point now) const {
    clearance worst = clearance::clear;
    for (const auto& [node, view] : nodes_) {
        if (node == to || view.state.deleted) {
            continue;
        }
        const auto found = members_.find(node);
        clearance here = clearance::clear;
        if (found != members_.end() && reports(view, now)) {
            const bool held = view.last->held.contains(which) || view.told.contains(which);
            here = held ? clearance::wait_for_release : clearance::clear;
        } else {
            here = proof_of_other(which, view, now);
        }
        worst = std::max(worst, here);
    }
    return worst;
}

bool coordinator::may_hold(const item& which, const node_view& other) const {
    return !other.last || other.last->held.contains(which) || other.told.contains(which);
}

// Of a node that has not prepared this run.
coordinator::clearance
coordinator::proof_of_other(const item& which, const node_view& other, time_point now) const {
    if (!may_hold(which, other)) {
        // Its last word; it may have been told nothing since.
        return clearance::clear;
    }
    if (reports(other, now)) {
        return clearance::wait_for_proof; // inactive or left out: its next status tells
    }
    const time_point last_word = other.last ? other.heard : term_began_;
    const auto all_over = settings_.authority_timeout + settings_.lease;
    if (settings_.lease.count() != 0 && now >= last_word + all_over + all_over / 20) {
        return clearance::clear;
    }
    if (settings_.probe && now >= last_word + still_beginning(which, other)) {
        return clearance::ask_network;
    }
    return clearance::wait_for_proof;
}

// How long after its last word a silent node may still put the item on an interface.
async::duration coordinator::still_beginning(const item& which, const node_view& other) const {
    constexpr std::chrono::milliseconds margin{200};
    // In a new term nobody knows what the leader before had told it.
    const bool ordered = !other.last || other.told.contains(which);
    if (other.ended && (!ordered || other.fenced_before)) {
        return {};
    }
    return (ordered ? take_window : fresh_window) + margin;
}

// ---- what members say ----

void coordinator::received(pnn from, const message& m, time_point now) {
    if (!leading_ || !nodes_.contains(from)) {
        return;
    }
    notice_sleep(now);
    if (const auto* s = std::get_if<status>(&m)) {
        take_status(from, *s, now);
    } else if (const auto* p = std::get_if<prepared>(&m)) {
        take_prepared(from, *p, now);
    } else if (const auto* r = std::get_if<released>(&m)) {
        take_released(from, *r);
    } else if (const auto* t = std::get_if<taken>(&m)) {
        take_taken(from, *t, now);
    } else if (const auto* f = std::get_if<finalised>(&m)) {
        take_finalised(from, *f);
    }
}

void coordinator::has_released_all(const released_all& said, time_point now) {
    const pnn node = said.origin;
    const auto found = nodes_.find(node);
    if (!leading_ || found == nodes_.end() || !found->second.last || said.key != key_ ||
        key_ == 0) {
        return;
    }
    found->second.last_word = said.now;
    log_notice("node {} says that it has released everything", node);
    found->second.last->held.clear();
    found->second.told.clear();
    found->second.speaks = false; // until its next status
    if (members_.erase(node) != 0 && phase_ == phase::preparing) {
        phase_ = phase::idle;
    }
    want_run(fmt::format("node {} has released everything", node), urgency::at_once, now);
}

void coordinator::has_ended(pnn node, time_point now) {
    const auto found = nodes_.find(node);
    if (!leading_ || found == nodes_.end() || found->second.state.connected ||
        found->second.ended) {
        return;
    }
    log_notice("the host of node {} says that failoverd has ended there", node);
    found->second.ended = true;
    next_retry_ = now;
}

void coordinator::has_released_all_before(pnn node, time_point now) {
    const auto found = nodes_.find(node);
    if (found == nodes_.end()) {
        return;
    }
    node_view& view = found->second;
    view.released_all = now;
    if (leading_ && !view.last) {
        believe_last_word(view, now);
        want_run(fmt::format("node {} has released everything", node), urgency::at_once, now);
    }
}

// A node that is gone has been told nothing since: the leader before us is the one that could have.
void coordinator::believe_last_word(node_view& view, time_point now) {
    if (view.released_all && now - *view.released_all < word_lasts && !view.state.connected) {
        view.last = status{};
        view.heard = now;
    }
}

void coordinator::take_status(pnn from, const status& s, time_point now) {
    if (term_of(s.accepted) > term_of(epoch_)) {
        begin_newer_term(s.accepted, now);
    }
    if (term_of(s.heard) != term_of(epoch_)) { // C5
        vouch_for(from, s.now, now);
        return;
    }
    node_view& view = nodes_[from];
    if (!view.state.connected || (view.last_word && s.now <= *view.last_word)) {
        return; // comes by way of two ctdbds: what tells of its end may overtake it
    }
    if (view.last) {
        // An item that can be held again may be tried again at once.
        for (const item& which : s.available) {
            if (!view.last->available.contains(which)) {
                exclusions_.erase({which, from});
            }
        }
    }
    if (s.closed && !(view.last && view.last->closed)) {
        want_run(fmt::format("failoverd of node {} is new", from), urgency::normal, now);
    }
    view.last = s;
    view.heard = now;
    view.speaks = true;
    view.ended = false;
    if (now - view.vouched >= status_interval / 2) { // else this answers our last word
        vouch_for(from, s.now, now);
    }
}

// Our word to all members: each answers with its status.
void coordinator::beat(time_point now) {
    if (now < next_beat_ - beat_early) {
        return;
    }
    next_beat_ = async::beat_after(now, status_interval);
    for (const auto& [node, view] : nodes_) {
        if (view.state.connected) {
            vouch_for(node, echo_of(node), now);
        }
    }
}

// The stamp is as old as the member's last status: its age counts, not that of our word (15.8).
void coordinator::vouch_for(pnn node, stamp echo, time_point now) {
    nodes_[node].vouched = now;
    const authority mine{epoch_, echo, fenced_};
    out_.send(node, mine);
}

// Another leader has been at work, with an epoch like ours or a newer one.
void coordinator::begin_newer_term(epoch seen, time_point now) {
    epoch_ = epoch_of(std::max(term_of(seen), term_of(epoch_)) + 1, 0);
    next_beat_ = now;
    phase_ = phase::idle;
    members_.clear();
    want_run("another leader's plan has been seen", urgency::at_once, now);
}

void coordinator::holds(pnn node, const item_set& held) {
    node_view& view = nodes_[node];
    if (view.last) {
        view.last->held = held;
    }
}

void coordinator::take_prepared(pnn from, const prepared& a, time_point now) {
    const bool overtaken = a.outcome == verdict::stale && a.of == epoch_;
    if (overtaken || term_of(a.accepted) > term_of(epoch_)) {
        begin_newer_term(a.accepted, now);
        return;
    }
    const auto found = members_.find(from);
    if (a.of != epoch_ || phase_ != phase::preparing || found == members_.end()) {
        return;
    }
    if (a.outcome != verdict::ok) {
        if (a.outcome == verdict::not_leader) { // it has not heard of us yet
            phase_ = phase::idle;
            members_.clear();
            want_run("a node did not know its leader", urgency::normal, now);
            start_at_ = now + retry_pause;
        } else {
            restart_without(from, a.text, now);
        }
        return;
    }
    holds(from, a.held);
    nodes_[from].told.clear(); // it refuses everything older now
    found->second.prepared = answer::given;
    const bool all = std::all_of(members_.begin(), members_.end(), [](const auto& m) {
        return m.second.prepared == answer::given;
    });
    if (all) {
        enter_moving(now);
    }
}

void coordinator::take_released(pnn from, const released& a) {
    const auto found = members_.find(from);
    if (a.of != epoch_ || found == members_.end()) {
        return;
    }
    holds(from, a.held);
    found->second.released = answer::given;
}

void coordinator::take_taken(pnn from, const taken& a, time_point now) {
    const auto found = members_.find(from);
    if (a.of != epoch_ || found == members_.end() || a.round != found->second.round) {
        return;
    }
    const item_set before = nodes_[from].last ? nodes_[from].last->held : item_set{};
    holds(from, a.held);
    nodes_[from].told.clear();
    if (nodes_[from].last) {
        nodes_[from].last->closed = false; // it has taken in this life, and opened
    }
    found->second.taken = answer::given;
    for (const auto& [which, why] : a.failures) {
        if (why == take_failure::failed) {
            exclusion& e = exclusions_[{which, from}];
            e.pause = e.until == time_point{} ? e.pause : std::min(e.pause * 2, exclusion_max);
            e.until = now + e.pause;
            e.lapsed = false;
            log_warning("{} could not be taken by node {}", name_of(which), from);
            want_run("a node could not take an item", urgency::normal, now);
        } else if (why == take_failure::busy) {
            log_info("{}: another node still answers for it", name_of(which));
        }
    }
    if (phase_ == phase::idle && without(a.held, before).size() != 0) {
        enter_finalising(now); // a late take of a run that had ended
    }
}

void coordinator::take_finalised(pnn from, const finalised& a) {
    const auto found = members_.find(from);
    if (a.of != epoch_ || found == members_.end()) {
        return;
    }
    if (a.outcome != verdict::ok) {
        log_warning("node {}: finalise: {}", from, a.text);
    }
    found->second.finalised = answer::given;
}

} // namespace ctdb::failoverd
