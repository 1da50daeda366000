#include "failoverd/coordinator.hpp"

#include "common/base/log.hpp"

#include <algorithm>

namespace ctdb::failoverd {

namespace {

// A last word of a node that is seen to go later than that was not said because of this end; one
// that is older than `word_lasts` says nothing about now.
constexpr std::chrono::milliseconds word_to_end{500};
constexpr std::chrono::milliseconds word_lasts{5000};

// What of a status decides about a plan. `held` does not: a run changes it.
bool same_input(const status& a, const status& b) {
    return a.known == b.known && a.available == b.available;
}

} // namespace

// ---- leadership and nodes ----

void coordinator::lead(epoch highest_seen, time_point now) {
    const std::uint64_t term = std::max(term_of(highest_seen), term_of(epoch_)) + 1;
    leading_ = true;
    term_began_ = last_awake_ = now;
    epoch_ = epoch_of(term, 0);
    phase_ = phase::idle;
    plan_.clear();
    members_.clear();
    used_.clear();
    recent_starts_.clear();
    for (auto& [node, view] : nodes_) {
        node_view fresh;
        fresh.state = view.state;
        fresh.released_all = view.released_all;
        view = std::move(fresh);
        believe_last_word(view, now);
    }
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
        deviates = deviates || !without(s.held, share).empty() ||
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
    if (!leading_) {
        return now + std::chrono::seconds(1);
    }
    time_point next = now + std::chrono::milliseconds(500);
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

// ---- a run ----

calculation_input coordinator::calculation(time_point now) const {
    calculation_input input;
    input.rebalance = rebalance_;
    for (const auto& [node, view] : nodes_) {
        input.nodes = std::max(input.nodes, node.value + 1);
        if (!reports(view, now)) {
            continue;
        }
        for (const item& which : view.last->known) {
            input.available_on[which];
        }
        for (const item& which : view.last->held) {
            input.holders[which] = node; // a higher node wins a double claim
        }
        if (!usable(view, now)) {
            continue;
        }
        for (const item& which : view.last->available) {
            if (!excluded(which, node, now)) {
                input.available_on[which].insert(node);
            }
        }
    }
    return input;
}

bool coordinator::excluded(const item& which, pnn node, time_point now) const {
    const auto found = exclusions_.find({which, node});
    return found != exclusions_.end() && now < found->second.until;
}

// Up to one run a second after three in a row, except when a node was lost or somebody asks.
bool coordinator::damped(time_point now) {
    while (!recent_starts_.empty() && now - recent_starts_.front() > 3 * damping) {
        recent_starts_.pop_front();
    }
    if (!urgent_ && recent_starts_.size() >= 3 && now - recent_starts_.back() < damping) {
        start_at_ = recent_starts_.back() + damping;
        return true;
    }
    recent_starts_.push_back(now);
    return false;
}

void coordinator::start(time_point now) {
    if (damped(now)) {
        return;
    }
    used_ = inputs(now);
    wanted_ = false;
    urgent_ = false;
    deviates_since_.reset();
    members_.clear();
    ++epoch_;
    plan_ = out_.calculate(calculation(now));
    phase_ = phase::preparing;
    run_began_ = phase_began_ = now;
    phase_limit_ = now + settings_.prepare_limit;
    prepare order;
    order.of = epoch_;
    order.plan = plan_;
    order.key = key_;
    order.limit = settings_.prepare_limit;
    for (const auto& [node, s] : used_) {
        members_[node].prepared = answer::awaited;
        order.members.push_back(node);
    }
    log_info(
        "failover run {:#x}: {} nodes, {} items: {}",
        epoch_,
        members_.size(),
        plan_.size(),
        wanted_why_
    );
    for (const auto& [node, s] : used_) {
        order.echo = echo_of(node);
        out_.send(node, order);
    }
    if (members_.empty()) {
        end(now);
    }
}

void coordinator::restart_without(pnn node, std::string_view why, time_point now) {
    log_warning("failover run {:#x}: node {} is left out: {}", epoch_, node, why);
    nodes_[node].left_out_until = now + left_out_for;
    phase_ = phase::idle;
    members_.clear();
    want_run(fmt::format("node {}: {}", node, why), urgency::at_once, now);
}

void coordinator::enter_moving(time_point now) {
    phase_ = phase::moving;
    phase_began_ = now;
    phase_limit_ = now + settings_.release_limit;
    for (auto& [node, m] : members_) {
        if (!without(nodes_[node].last->held, share_of(plan_, node)).empty()) {
            m.released = answer::awaited;
            release order;
            order.of = epoch_;
            order.limit = settings_.release_limit;
            out_.send(node, order);
        }
    }
    give(now);
    finish_if_answered(now);
}

item_set coordinator::gains_of(pnn node) const {
    const auto view = nodes_.find(node);
    if (view == nodes_.end() || !view->second.last) {
        return {};
    }
    return without(share_of(plan_, node), view->second.last->held);
}

item_set coordinator::pending() const {
    item_set all;
    for (const auto& [node, m] : members_) {
        all.merge(gains_of(node));
    }
    return all;
}

void coordinator::give(time_point now) {
    for (const auto& [node, m] : members_) {
        if (m.taken != answer::awaited) {
            give_to(node, gains_of(node), now);
        }
    }
}

void coordinator::give_to(pnn node, const item_set& gains, time_point now) {
    take order;
    for (const item& which : gains) {
        if (excluded(which, node, now)) {
            continue;
        }
        switch (may_give(which, node, now)) {
        case clearance::clear:
            order.items[which] = false;
            break;
        case clearance::ask_network:
            order.items[which] = true;
            break;
        case clearance::wait_for_release:
            if (phase_ == phase::moving && now < phase_limit_) {
                return; // one batch, once the releases have been answered
            }
            break;
        case clearance::wait_for_proof:
            break;
        }
    }
    if (order.items.empty() || (phase_ == phase::moving && members_[node].round != 0)) {
        return; // what failed in this run is tried again when it has ended
    }
    member& m = members_[node];
    m.taken = answer::awaited;
    order.of = epoch_;
    order.round = ++m.round;
    order.echo = echo_of(node);
    order.limit = settings_.take_limit;
    node_view& view = nodes_[node];
    view.told_at = now;
    for (const auto& [which, ask] : order.items) {
        view.told.insert(which);
    }
    if (phase_ == phase::moving) {
        phase_limit_ = std::max(phase_limit_, now + settings_.take_limit);
    }
    out_.send(node, order);
}

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
    const bool begun = other.told.contains(which);
    const auto window = (begun ? take_window : fresh_window) + std::chrono::milliseconds(200);
    if (settings_.probe && now >= last_word + window) {
        return clearance::ask_network;
    }
    return clearance::wait_for_proof;
}

// ---- ends of phases ----

void coordinator::finish_if_answered(time_point now) {
    const bool late = now >= phase_limit_;
    if (phase_ == phase::moving) {
        const bool busy = std::any_of(members_.begin(), members_.end(), [](const auto& m) {
            return m.second.released == answer::awaited || m.second.taken == answer::awaited;
        });
        if (!busy || late) {
            enter_finalising(now);
        }
    } else if (phase_ == phase::finalising) {
        const bool busy = std::any_of(members_.begin(), members_.end(), [](const auto& m) {
            return m.second.finalised == answer::awaited;
        });
        if (!busy || late) {
            end(now);
        }
    }
}

void coordinator::enter_finalising(time_point now) {
    phase_ = phase::finalising;
    phase_began_ = now;
    phase_limit_ = now + std::min<async::duration>(settings_.finalise_limit, finalise_patience);
    finalise order;
    order.of = epoch_;
    order.limit = settings_.finalise_limit;
    for (auto& [node, m] : members_) {
        m.finalised = answer::awaited;
        out_.send(node, order);
    }
}

void coordinator::end(time_point now) {
    phase_ = phase::idle;
    next_retry_ = now + retry_pause;
    for (auto& [node, m] : members_) {
        m.released = answer::none; // late answers still count as news of the node
    }
    rebalance_.clear();
    run_report report;
    report.of = epoch_;
    report.wanted = plan_;
    report.missing = pending();
    report.complete = report.missing.empty();
    report.took = std::chrono::duration_cast<std::chrono::milliseconds>(now - run_began_);
    out_.run_ended(report);
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

void coordinator::has_released_all(pnn node, std::uint64_t key, time_point now) {
    const auto found = nodes_.find(node);
    if (!leading_ || found == nodes_.end() || !found->second.last || key != key_ || key_ == 0) {
        return;
    }
    log_notice("node {} says that it has released everything", node);
    found->second.last->held.clear();
    found->second.told.clear();
    found->second.speaks = false; // until its next status
    if (members_.erase(node) != 0 && phase_ == phase::preparing) {
        phase_ = phase::idle;
    }
    want_run(fmt::format("node {} has released everything", node), urgency::at_once, now);
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
    node_view& view = nodes_[from];
    if (view.last) {
        // An item that can be held again may be tried again at once.
        for (const item& which : s.available) {
            if (!view.last->available.contains(which)) {
                exclusions_.erase({which, from});
            }
        }
    }
    if (term_of(s.accepted) > term_of(epoch_)) {
        begin_newer_term(s.accepted, now);
    }
    view.last = s;
    view.heard = now;
    view.speaks = true;
    const authority mine{epoch_, s.now};
    out_.send(from, mine);
}

// Another leader has been at work, with an epoch like ours or a newer one.
void coordinator::begin_newer_term(epoch seen, time_point now) {
    epoch_ = epoch_of(std::max(term_of(seen), term_of(epoch_)) + 1, 0);
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
