#include "tests/simulation/record/record_recovery.hpp"

#include "common/protocol/hash.hpp"
#include "tests/simulation/record/record_cluster.hpp"

#include <algorithm>

namespace ctdb::simulation {

using std::chrono::microseconds;

record_recovery::record_recovery(record_cluster& cluster)
    : cluster_(cluster), start_(cluster.runtime(), [this] { start(); }) {}

pnn record_recovery::lmaster_of(byte_view key) const {
    return protocol::lmaster_of(map_, key).value_or(unknown_pnn);
}

void record_recovery::request() {
    wanted_ = true;
    if (step_ == step::none && !start_.armed()) {
        start_.arm_in(cluster_.world().between(microseconds(500), microseconds(20000)));
    }
}

void record_recovery::member_changed() {
    ++attempt_; // whoever still reports, reports to nobody
    step_ = step::none;
    request();
}

void record_recovery::start() {
    wanted_ = false;
    members_.clear();
    for (const auto& [id, node] : cluster_.nodes()) {
        if (!node->inactive()) {
            members_.push_back(id);
        }
    }
    if (members_.empty()) {
        return;
    }
    if (!full_mesh()) { // membership sees to that (design: full mesh)
        request();
        return;
    }
    map_.generation = generation{++last_generation_};
    map_.map.clear();
    for (const pnn member : members_) { // not every node need be a location master
        if (cluster_.world().chance(80)) {
            map_.map.push_back(member);
        }
    }
    if (map_.map.empty()) {
        map_.map.push_back(members_.front());
    }
    ++attempt_;
    enter(step::maps);
}

bool record_recovery::full_mesh() const {
    for (const pnn a : members_) {
        for (const pnn b : members_) {
            if (a != b && !cluster_.network().usable(a, b)) {
                return false;
            }
        }
    }
    return true;
}

void record_recovery::enter(step next) {
    step_ = next;
    if (next == step::begun) {
        merge();
    }
    missing_ = members_.size();
    for (const pnn member : members_) {
        record_node* node = cluster_.node(member);
        node->later(
            cluster_.world().between(microseconds(10), microseconds(800)),
            [this, node, next, attempt = attempt_] {
                if (attempt == attempt_) {
                    at_member(*node, next, [this, attempt] { member_done(attempt); });
                }
            }
        );
    }
}

void record_recovery::at_member(record_node& member, step what, const std::function<void()>& done) {
    switch (what) {
    case step::maps:
        member.set_map(map_);
        break;
    case step::frozen:
        member.freeze(done);
        return;
    case step::begun:
        member.begin(merged_, map_);
        break;
    case step::committed:
        member.commit(map_.generation);
        break;
    case step::thawed:
        member.thaw();
        break;
    case step::none:
        break;
    }
    done();
}

void record_recovery::member_done(std::uint64_t attempt) {
    if (attempt != attempt_ || --missing_ > 0) {
        return;
    }
    if (step_ != step::thawed) {
        enter(static_cast<step>(static_cast<int>(step_) + 1));
        return;
    }
    ++completed_;
    step_ = step::none;
    if (wanted_) {
        request();
    }
}

void record_recovery::merge() {
    merged_.clear();
    for (const bytes& key : cluster_.model().keys()) {
        merge_key(key);
    }
}

// A recovery that broke off while members committed left two epochs behind. Those who committed
// hold the merged content of all; what the others still hold is part of it, or was deleted: taking
// it again would bring deleted records back (I7).
bool record_recovery::has_newest(const record_node& node) const {
    return std::none_of(members_.begin(), members_.end(), [&](pnn other) {
        const record_node& o = *cluster_.node(other);
        return o.valid_data() && o.engine().generation() > node.engine().generation();
    });
}

// databases.md 6.6 and 6.7: highest rsn; of equals the first, unless it does not name the leader.
void record_recovery::merge_key(byte_view key) {
    const pnn leader = members_.front();
    std::vector<copy> candidates;
    const copy* kept = nullptr;
    for (const pnn member : members_) {
        const record_node& node = *cluster_.node(member);
        if (auto found = node.copy_of(key); found && node.valid_data() && has_newest(node)) {
            candidates.push_back(*found);
        }
    }
    for (const copy& c : candidates) {
        if (kept == nullptr || c.header.rsn > kept->header.rsn ||
            (c.header.rsn == kept->header.rsn && kept->header.dmaster == leader)) {
            kept = &c;
        }
    }
    const record_value winner = kept == nullptr ? record_value{} : kept->value;
    cluster_.model().recovered(key, winner, candidates, [this](pnn id, std::uint64_t life) {
        const record_node* node = cluster_.node(id);
        return node != nullptr && node->life() == life && node->valid_data();
    });
    if (kept == nullptr || winner.stamp == 0) {
        return; // deleted records end here
    }
    protocol::record_header header = kept->header;
    header.flags.set(protocol::record_flag::migrated_with_data);
    header.flags.clear(protocol::readonly_mask);
    if (!cluster_.plan().keeps_dmaster) {
        header.dmaster = leader;
    } else if (header.dmaster != kept->node) {
        header.dmaster = *protocol::lmaster_of(map_, key);
    }
    merged_.emplace(to_bytes(key), protocol::join_header(header, encode_value(winner)));
}

} // namespace ctdb::simulation
