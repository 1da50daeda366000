#include "ctdbd/statistics_history.hpp"

namespace ctdb::ctdbd {

namespace {

using protocol::latency_counter;
using protocol::statistics;

void subtract(latency_counter& of, const latency_counter& before) {
    of.num -= before.num;
    of.total -= before.total;
    if (of.num == 0) {
        of = latency_counter{};
    }
}

void subtract(protocol::node_counters& of, const protocol::node_counters& before) {
    of.req_call -= before.req_call;
    of.reply_call -= before.reply_call;
    of.req_dmaster -= before.req_dmaster;
    of.reply_dmaster -= before.reply_dmaster;
    of.reply_error -= before.reply_error;
    of.req_message -= before.req_message;
    of.req_control -= before.req_control;
    of.reply_control -= before.reply_control;
    of.req_tunnel -= before.req_tunnel;
}

void subtract(protocol::client_counters& of, const protocol::client_counters& before) {
    of.req_call -= before.req_call;
    of.req_message -= before.req_message;
    of.req_control -= before.req_control;
    of.req_tunnel -= before.req_tunnel;
}

void subtract(protocol::count_buckets& of, const protocol::count_buckets& before) {
    for (std::size_t i = 0; i < of.size(); ++i) {
        of.at(i) -= before.at(i);
    }
}

// What happened between two moments.
statistics difference(const statistics& now, const statistics& before) {
    statistics d = now;
    d.client_packets_sent -= before.client_packets_sent;
    d.client_packets_recv -= before.client_packets_recv;
    d.node_packets_sent -= before.node_packets_sent;
    d.node_packets_recv -= before.node_packets_recv;
    d.keepalive_packets_sent -= before.keepalive_packets_sent;
    d.keepalive_packets_recv -= before.keepalive_packets_recv;
    subtract(d.node, before.node);
    subtract(d.client, before.client);
    d.timeouts.call -= before.timeouts.call;
    d.timeouts.control -= before.timeouts.control;
    d.timeouts.traverse -= before.timeouts.traverse;
    subtract(d.reclock_daemon, before.reclock_daemon);
    subtract(d.reclock_recovery, before.reclock_recovery);
    d.locks.num_calls -= before.locks.num_calls;
    d.locks.num_failed -= before.locks.num_failed;
    subtract(d.locks.latency, before.locks.latency);
    subtract(d.locks.buckets, before.locks.buckets);
    d.total_calls -= before.total_calls;
    d.childwrite_calls -= before.childwrite_calls;
    subtract(d.hop_count_buckets, before.hop_count_buckets);
    subtract(d.call_latency, before.call_latency);
    subtract(d.childwrite_latency, before.childwrite_latency);
    d.num_recoveries -= before.num_recoveries;
    d.total_ro_delegations -= before.total_ro_delegations;
    d.total_ro_revokes -= before.total_ro_revokes;
    return d;
}

} // namespace

void statistics_history::end_slot(const statistics& now) {
    slots_.push_front(difference(now, at_slot_start_));
    slots_.front().start_time = at_slot_start_.current_time;
    at_slot_start_ = now;
    if (slots_.size() > slots) {
        slots_.pop_back();
    }
}

// The start may become less than zero; counters wrap.
void statistics_history::reset(const statistics& before, const statistics& now) {
    const protocol::time_value since = at_slot_start_.current_time;
    at_slot_start_ = difference(now, difference(before, at_slot_start_));
    at_slot_start_.current_time = since;
}

protocol::statistics_list statistics_history::list() const {
    protocol::statistics_list out;
    out.stats.assign(slots_.begin(), slots_.end());
    out.stats.resize(slots);
    return out;
}

} // namespace ctdb::ctdbd
