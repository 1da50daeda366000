// node: what is counted and timed.
#include "ctdbd/node.hpp"

#include <algorithm>
#include <utility>

namespace ctdb::ctdbd {

namespace {

using protocol::tunable_id;

double seconds(std::chrono::nanoseconds ns) {
    return std::chrono::duration<double>(ns).count();
}

} // namespace

// ---- counters ----

void node::call_accepted() {
    ++router_.counters().total_calls;
    ++router_.counters().pending_calls;
}

void node::call_finished(std::chrono::nanoseconds taken) {
    --router_.counters().pending_calls;
    router_.counters().call_latency.add(seconds(taken));
}

void node::call_abandoned() {
    --router_.counters().pending_calls;
}

void node::hops_seen(std::uint32_t hopcount) {
    protocol::statistics& s = router_.counters();
    s.max_hop_count = std::max(s.max_hop_count, hopcount);
    ++s.hop_count_buckets.at(protocol::hop_bucket(hopcount));
}

void node::lock_wait_started() {
    ++router_.counters().locks.num_calls;
    ++router_.counters().locks.num_current;
}

void node::lock_wait_finished(std::chrono::nanoseconds waited) {
    protocol::lock_counters& locks = router_.counters().locks;
    --locks.num_current;
    locks.latency.add(seconds(waited));
    ++locks.buckets.at(protocol::lock_bucket(seconds(waited)));
}

void node::lock_wait_failed() {
    --router_.counters().locks.num_current;
    ++router_.counters().locks.num_failed;
}

void node::deletion_candidate(db_id db, byte_view key, const protocol::record_header& stored) {
    vacuum_.candidate(db, key, stored);
}

void node::not_deletion_candidate(db_id db, byte_view key) {
    vacuum_.not_candidate(db, key);
}

protocol::statistics node::statistics() {
    protocol::statistics s = router_.counters();
    s.num_clients = static_cast<std::uint32_t>(clients_.count());
    s.frozen = databases_.all_frozen() ? 1 : 0;
    s.recovering = epoch_.recovering() ? 1 : 0;
    s.timeouts.control = router_.pending().timeouts();
    s.memory_used = host_.memory_used();
    s.current_time = host_.wall_clock();
    return s;
}

void node::reset_statistics() {
    const std::uint32_t pending = router_.counters().pending_calls;
    const std::uint32_t waiting = router_.counters().locks.num_current;
    const std::uint32_t updates = router_.counters().pending_childwrite_calls;
    const protocol::statistics before = std::exchange(router_.counters(), {});
    router_.counters().pending_calls = pending;
    router_.counters().pending_childwrite_calls = updates;
    router_.counters().locks.num_current = waiting;
    router_.counters().start_time = host_.wall_clock();
    router_.pending().reset_timeouts();
    history_.reset(before, router_.counters());
    vacuum_.reset_statistics();
    for (const auto& db : databases_.all()) {
        if (db->engine() != nullptr) {
            db->engine()->reset_statistics();
        }
    }
}

void node::end_statistics_slot() {
    protocol::statistics now = router_.counters();
    now.current_time = host_.wall_clock();
    history_.end_slot(now);
    const auto interval = std::max(1U, settings_.tunables[tunable_id::stat_history_interval]);
    slot_timer_.arm_about(std::chrono::seconds(interval));
}

} // namespace ctdb::ctdbd
