#include "failoverd/participant.hpp"

#include "common/base/ensure.hpp"
#include "common/base/log.hpp"

#include <algorithm>

namespace ctdb::failoverd {

namespace {

constexpr std::size_t queue_max = 64; // a leader sends a handful per run

item_set both(const item_set& a, const item_set& b) {
    item_set all;
    std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::inserter(all, all.end()));
    return all;
}

} // namespace

item_set participant::held() {
    item_set all = host_.kernel_holds();
    all.insert(had_.begin(), had_.end());
    return all;
}

item_set participant::permitted() const {
    item_set all = share_;
    all.insert(releasing_.begin(), releasing_.end());
    return all;
}

bool participant::may_open() const {
    return leader_ != unknown_pnn && without(host_.kernel_holds(), had_).empty();
}

item_set participant::lost() {
    return busy_ ? item_set{} : without(had_, host_.kernel_holds());
}

void participant::give_up(const item_set& items) {
    had_ = without(had_, items);
}

void participant::drop() {
    share_.clear();
    releasing_.clear();
    had_.clear();
}

void participant::adopt(const plan& old) {
    plan_ = old;
    share_ = share_of(old, self_);
    had_ = host_.closed() ? item_set{} : both(share_, host_.kernel_holds());
}

void participant::heard_echo(stamp echo) {
    newest_echo_ = std::max(newest_echo_, echo);
}

void participant::received(pnn from, const message& m) {
    if (const auto* a = std::get_if<authority>(&m)) {
        speaker_ = from;
        heard_ = a->current;
        // of an old leader: says nothing about the present one
        if (term_of(a->current) >= term_of(accepted_)) {
            heard_echo(a->echo);
            fenced_leader_ = a->fenced ? from : unknown_pnn;
        }
        return;
    }
    if (std::holds_alternative<prepare>(m)) {
        queue_.clear(); // P1: of older runs
    }
    if (queue_.size() < queue_max) {
        queue_.push_back({from, m});
    }
    next();
}

void participant::next() {
    while (!busy_ && !queue_.empty()) {
        const waiting first = std::move(queue_.front());
        queue_.pop_front();
        handle(first.from, first.m);
    }
}

void participant::handle(pnn from, const message& m) {
    if (const auto* p = std::get_if<prepare>(&m)) {
        take_prepare(from, *p);
    } else if (const auto* r = std::get_if<release>(&m)) {
        take_release(from, *r);
    } else if (const auto* t = std::get_if<take>(&m)) {
        take_take(from, *t);
    } else if (const auto* f = std::get_if<finalise>(&m)) {
        take_finalise(from, *f);
    }
}

void participant::begin(pnn from, const message& m, participant_host::order what) {
    ensure(!busy_);
    busy_ = true;
    current_ = waiting{from, m};
    host_.begin(accepted_, std::move(what));
}

void participant::take_prepare(pnn from, const prepare& p) {
    prepared refusal;
    refusal.of = p.of;
    refusal.accepted = accepted_;
    const pnn known = host_.known_leader();
    if (known != unknown_pnn && known != from) {
        refusal.outcome = verdict::not_leader;
        refusal.text = fmt::format("node {} leads", known);
        host_.send(from, refusal);
        return;
    }
    const bool again = p.of == accepted_ && from == leader_;
    if (p.of <= accepted_ && !again) {
        refusal.outcome = verdict::stale;
        refusal.text = fmt::format("plan {:#x} has been accepted", accepted_);
        host_.send(from, refusal);
        return;
    }
    heard_echo(p.echo);
    accepted_ = p.of;
    leader_ = from;
    key_ = p.key;
    plan_ = p.plan;
    share_ = share_of(plan_, self_);
    host_.accepted(accepted_);
    const item_set holds = host_.kernel_holds();
    releasing_ = without(holds, share_);
    // What is gone is given again by TAKE; what nobody could reach may have been given to another.
    had_ = host_.closed() ? item_set{} : both(holds, share_);
    participant_host::prepare_order order{p, without(share_, holds), releasing_, had_};
    begin(from, p, std::move(order));
}

void participant::take_release(pnn from, const release& r) {
    if (r.of != accepted_) {
        return; // the leader has gone on or is an old one
    }
    begin(from, r, participant_host::release_order{without(host_.kernel_holds(), share_), r.limit});
}

void participant::take_take(pnn from, const take& t) {
    if (t.of != accepted_) {
        return;
    }
    heard_echo(t.echo);
    taken refusal;
    refusal.of = t.of;
    refusal.round = t.round;
    participant_host::take_order order;
    order.until = t.echo + take_window;
    order.limit = t.limit;
    for (const auto& [which, probe] : t.items) {
        if (share_.contains(which)) { // P2, P3
            order.items[which] = probe;
        } else {
            refusal.failures[which] = take_failure::stale;
        }
    }
    const bool fresh = host_.now() - t.echo <= fresh_window;
    if (!fresh || !host_.may_take() || order.items.empty()) {
        for (const auto& [which, probe] : t.items) {
            refusal.failures[which] = take_failure::stale;
        }
        refusal.held = held();
        host_.send(from, refusal);
        return;
    }
    if (host_.closed()) {
        order.lose = host_.kernel_holds();
        for (const auto& [which, probe] : order.items) {
            if (!probe) {
                order.lose.erase(which);
            }
        }
    }
    begin(from, t, std::move(order));
}

void participant::take_finalise(pnn from, const finalise& f) {
    if (f.of != accepted_) {
        return;
    }
    begin(from, f, participant_host::finalise_order{f.limit});
}

void participant::done(const order_outcome& outcome) {
    ensure(busy_ && current_);
    busy_ = false;
    const waiting was = std::move(*current_);
    current_.reset();
    const item_set holds = host_.kernel_holds();
    if (const auto* p = std::get_if<prepare>(&was.m)) {
        prepared a;
        a.of = p->of;
        a.accepted = accepted_;
        a.outcome = outcome.ok ? verdict::ok : verdict::failed;
        a.text = outcome.text;
        a.held = held();
        host_.send(was.from, a);
    } else if (const auto* r = std::get_if<release>(&was.m)) {
        releasing_ = both(releasing_, holds);
        host_.send(was.from, released{r->of, held()});
    } else if (const auto* t = std::get_if<take>(&was.m)) {
        had_ = both(share_, holds);
        taken a{t->of, t->round, held(), outcome.failures};
        for (const auto& [which, probe] : t->items) {
            if (!holds.contains(which)) {
                a.failures.emplace(which, take_failure::failed);
            } else {
                a.failures.erase(which);
            }
        }
        host_.send(was.from, a);
    } else if (const auto* f = std::get_if<finalise>(&was.m)) {
        const verdict v = outcome.ok ? verdict::ok : verdict::failed;
        host_.send(was.from, finalised{f->of, v, outcome.text});
    }
    next();
}

} // namespace ctdb::failoverd
