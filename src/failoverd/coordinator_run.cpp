// The leader's side of one run: what is planned, given, and when a phase is over.
#include "common/base/log.hpp"
#include "failoverd/coordinator.hpp"

#include <algorithm>

namespace ctdb::failoverd {

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
            // Of two that claim an item, one who can be reached wins, else the higher one.
            const auto other = input.holders.find(which);
            if (view.last->closed && other != input.holders.end()) {
                continue;
            }
            input.holders[which] = node;
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
    // What a node holds that nobody can reach there is given to it like anything else: with proof.
    const item_set share = share_of(plan_, node);
    return view->second.last->closed ? share : without(share, view->second.last->held);
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

} // namespace ctdb::failoverd
