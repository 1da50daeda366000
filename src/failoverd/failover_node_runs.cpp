// failover_node as the place where runs happen: what coordinator and participant ask of it, and the
// way of their messages.
#include "common/base/log.hpp"
#include "common/protocol/controls.hpp"
#include "common/protocol/messages.hpp"
#include "failoverd/accepted_plan.hpp"
#include "failoverd/failover_node.hpp"

#include <algorithm>

namespace ctdb::failoverd {

using namespace std::chrono_literals;
using protocol::tunable_id;

// ---- coordinator_outputs ----

plan failover_node::calculate(const calculation_input& input) {
    allocation_input wanted;
    wanted.nodes = input.nodes;
    wanted.algorithm = static_cast<allocation_algorithm>(tunables_[tunable_id::ip_alloc_algorithm]);
    wanted.no_failback = tunables_[tunable_id::no_ip_failback] != 0;
    wanted.no_takeover = tunables_[tunable_id::no_ip_takeover] != 0;
    wanted.rebalance = input.rebalance;
    for (const auto& [which, where] : input.available_on) {
        const auto address = protocol::parse_ip(name_of(which));
        if (address && !disabled_) {
            const auto holder = input.holders.find(which);
            const pnn held_by = holder == input.holders.end() ? unknown_pnn : holder->second;
            wanted.addresses.push_back({*address, held_by, where});
        }
    }
    plan p;
    for (const allocated& a : allocate(wanted)) {
        if (a.holder != unknown_pnn) {
            p[pubip(protocol::to_text(a.address))] = a.holder;
        }
    }
    return p;
}

void failover_node::log_moves(const run_report& report) {
    const auto text = [](const plan& p, const item& which) {
        const auto found = p.find(which);
        return found == p.end() ? std::string("-") : fmt::format("{}", found->second);
    };
    plan all = last_plan_;
    all.insert(report.wanted.begin(), report.wanted.end());
    for (const auto& [which, holder] : all) {
        const std::string before = text(last_plan_, which);
        const std::string after = text(report.wanted, which);
        if (before != after) {
            const bool waits = report.missing.contains(which);
            log_notice(
                "{} {} -> {}{}, {} ms",
                name_of(which),
                before,
                after,
                waits ? " (waits for proof that nobody has it)" : "",
                report.took.count()
            );
        }
    }
    last_plan_ = report.wanted;
}

void failover_node::run_ended(const run_report& report) {
    log_moves(report);
    std::erase_if(requesters_, [this, &report](const requester& r) {
        const bool served = report.of > r.asked_in;
        if (served) {
            reply_message(r.node, r.address, static_cast<std::int32_t>(self_.value));
        }
        return served;
    });
}

void failover_node::send(pnn to, const message& m) {
    if (to == self_) {
        inbox_.emplace_back(self_, m);
        read_inbox_.schedule();
    } else if (tunnel_ && client_ && client_->connected()) {
        const bytes data = encode(self_, m);
        // Those of one turn of the loop to all members leave together.
        client_->send_tunnel(
            to, tunnel_id, protocol::tunnel_flag::request | protocol::tunnel_flag::noreply, data
        );
    }
}

void failover_node::from_tunnel(byte_view data) {
    const auto got = decode(data);
    if (!got) {
        log_warning("tunnel: {}", got.error().what);
        return;
    }
    dispatch(got->origin, got->message);
}

void failover_node::dispatch(pnn from, const message& m) {
    if (m.index() < message(authority{}).index()) {
        leads_.received(from, m, loop_.now());
        pump();
        return;
    }
    const epoch heard = member_.heard_of(leader_);
    member_.received(from, m);
    const bool of_new_term = term_of(member_.heard_of(leader_)) != term_of(heard);
    const auto echo = std::chrono::duration_cast<async::duration>(member_.newest_echo());
    authority_.vouched_for(async::time_point(echo));
    const bool spoken_to = std::holds_alternative<authority>(m);
    if (spoken_to && (of_new_term || status_pace_.answers_at(loop_.now()))) {
        send_status();
    }
}

void failover_node::pump() {
    leads_.fenced_is(fence_ && fence_->is_open());
    const async::time_point now_here = loop_.now();
    tick_.cancel();
    if (all_ours_ && leads_.leading()) {
        leads_.tick(now_here);
        const async::time_point next = std::max(now_here, leads_.next_tick(now_here));
        tick_.arm_between(next - (next - now_here) / 10, next);
    }
}

// ---- participant_host ----

stamp failover_node::now() const {
    return loop_.now().time_since_epoch();
}

item_set failover_node::kernel_holds() {
    return disabled_ ? item_set{} : addresses_.held();
}

void failover_node::accepted(epoch e) {
    const accepted_plan now{e, share_of(member_.accepted_plan(), self_)};
    if (const auto written = save_accepted_plan(settings_.where().run, now); !written) {
        log_error("the accepted plan is not on disk: {}", written.error().what);
    }
    addresses_.watch_for(member_.accepted_plan());
}

bool failover_node::may_take() const {
    return !leaving_ && !disabled_ && authority_.objection(loop_.now()).empty();
}

void failover_node::begin(epoch e, order what) {
    tasks_.spawn(carry_out(e, std::move(what)));
}

async::task<void> failover_node::carry_out(epoch e, order what) {
    co_await async::next_turn(loop_); // never from inside the participant
    const order_outcome outcome = co_await executor_.carry_out(e, std::move(what));
    member_.done(outcome);
    open_fence();
    changed_.notify();
    status_soon_.schedule();
    kernel_changed_ = true;   // by scripts; the notification may still wait in its socket
    verify_soon_.arm_in(0ms); // it may have been overtaken by a drop
}

} // namespace ctdb::failoverd
