// Of cluster_model: who owns a record, and which of its values counts.
#include "tests/simulation/cluster/cluster_model.hpp"

#include <algorithm>

namespace ctdb::simulation {

using protocol::data_after_header;
using protocol::header_of;

// I1, I2 for the records that this event has changed.
void cluster_model::check_owners() {
    for (const bytes& key : std::exchange(touched_, {})) {
        std::map<ctdb::generation, std::vector<std::pair<pnn, protocol::record_header>>> copies;
        for (const auto& [id, node] : nodes_) {
            const ctdbd::database* db = find(*node, volatile_name);
            if (db == nullptr || node->inactive() || db->generation() == invalid_generation) {
                continue;
            }
            const bytes* value = node->file(std::string(volatile_name))->find(key);
            if (value != nullptr) {
                copies[db->generation()].emplace_back(id, *header_of(*value));
            }
        }
        for (const auto& [generation, all] : copies) {
            const auto epoch = epochs_.find(generation);
            if (epoch != epochs_.end() && epoch->second.contested) {
                continue;
            }
            const auto owns = [](const auto& copy) { return copy.second.dmaster == copy.first; };
            const auto owner = std::find_if(all.begin(), all.end(), owns);
            if (owner == all.end()) {
                continue;
            }
            for (const auto& other : all) {
                if (other.first == owner->first) {
                    continue;
                }
                if (owns(other)) {
                    fail(fmt::format(
                        "I1: nodes {} and {} are both dmaster of '{}' in generation {}",
                        owner->first,
                        other.first,
                        text_of(key),
                        generation
                    ));
                } else if (other.second.rsn >= owner->second.rsn) {
                    fail(fmt::format(
                        "I2: dmaster {} of '{}' has rsn {}, node {} has {}",
                        owner->first,
                        text_of(key),
                        owner->second.rsn,
                        other.first,
                        other.second.rsn
                    ));
                }
            }
        }
    }
}

// A record that was on its way when the new map came reaches a member before its freeze: the
// recovery under way will find it.
void cluster_model::arrives(pnn at, byte_view key, byte_view value) {
    const bool member = std::find(newest_map_.begin(), newest_map_.end(), at) != newest_map_.end();
    if (!member || epochs == newest_committed_) {
        return;
    }
    for (auto& [number, counter] : counters_) {
        const bytes its_key = counter_key(number);
        if (!std::equal(key.begin(), key.end(), its_key.begin(), its_key.end())) {
            continue;
        }
        const std::uint64_t stamp = decode_counter(data_after_header(value)).stamp;
        if (counter.candidates.empty() && counter.strays.contains(stamp)) {
            counter.candidates.insert(counter.current.stamp);
        }
        if (!counter.candidates.empty()) {
            counter.candidates.insert(stamp);
        }
    }
}

bool cluster_model::of_newest_epoch(cluster_node& node) const {
    const ctdbd::database* db = find(node, volatile_name);
    const auto epoch = db == nullptr ? epochs_.end() : epochs_.find(db->generation());
    return epoch != epochs_.end() && epoch->second.order == newest_committed_ && !contested_ &&
           std::find(newest_map_.begin(), newest_map_.end(), node.self()) != newest_map_.end();
}

void cluster_model::saw(cluster_node& node, std::uint32_t key, const counter_value& value) {
    counter_state& counter = counters_[key];
    if (!of_newest_epoch(node)) {
        return;
    }
    if (!counter.candidates.empty()) {
        if (!counter.candidates.contains(value.stamp)) {
            fail(fmt::format(
                "I6: node {} sees write {} of counter {}, which no survivor had",
                node.self(),
                value.stamp,
                key
            ));
        }
        if (epochs > newest_committed_) {
            return; // the recovery that may choose another is still under way
        }
        counter.candidates.clear();
        counter.current = value;
    } else if (counter.current != value) {
        fail(fmt::format(
            "I6: node {} sees write {} (value {}) of counter {}, the last was {} (value {})",
            node.self(),
            value.stamp,
            value.counter,
            key,
            counter.current.stamp,
            counter.current.counter
        ));
    }
}

counter_value
cluster_model::increment(cluster_node& node, std::uint32_t key, const counter_value& seen) {
    const counter_value next{seen.counter + 1, ++last_stamp_};
    write(node, key, seen, next);
    return next;
}

void cluster_model::remove(
    cluster_node& node, std::uint32_t key, const counter_value& seen, rsn at
) {
    ++removals;
    write(node, key, seen, counter_value{});
    if (of_newest_epoch(node)) {
        counters_[key].deleted_at = at;
    }
}

void cluster_model::write(
    cluster_node& node, std::uint32_t key, const counter_value& seen, const counter_value& next
) {
    counter_state& counter = counters_[key];
    if (of_newest_epoch(node)) {
        saw(node, key, seen);
        counter.current = next;
        counter.deleted_at.reset();
        if (!counter.candidates.empty()) {
            counter.candidates.insert(next.stamp);
        }
        ++increments;
    } else {
        counter.strays.insert(next.stamp);
        ++unpromised;
        const bool comes_back =
            std::find(newest_map_.begin(), newest_map_.end(), node.self()) != newest_map_.end();
        if (comes_back) { // not frozen yet: the recovery under way will find this
            if (counter.candidates.empty()) {
                counter.candidates.insert(counter.current.stamp);
            }
            counter.candidates.insert(next.stamp);
        }
    }
}

// The copies that count (I6, I7): of the newest epoch that any of these nodes has a valid copy of.
// Of two sides without a lock either may win.
std::vector<cluster_node*>
cluster_model::counting_copies(const std::vector<pnn>& map, bool contested) {
    std::vector<cluster_node*> newest;
    std::uint64_t newest_order = 0;
    for (const pnn member : map) {
        const epoch_seen* content = content_epoch(member);
        if (content == nullptr) {
            continue;
        }
        if (!contested && content->order > newest_order) {
            newest_order = content->order;
            newest.clear();
        }
        if (contested || content->order == newest_order) {
            newest.push_back(node(member));
        }
    }
    return newest;
}

// I6: what may be the record's value once these nodes go on alone.
void cluster_model::leave_holders(
    counter_state& counter, std::uint32_t key, const std::vector<pnn>& map, bool contested
) {
    std::set<std::uint64_t> copies;
    bool stray = contested;
    bool holds_deletion = false;
    for (cluster_node* at : counting_copies(map, contested)) {
        const bytes* value = at->file(std::string(volatile_name))->find(counter_key(key));
        if (value != nullptr) {
            const std::uint64_t stamp = decode_counter(data_after_header(*value)).stamp;
            copies.insert(stamp);
            stray = stray || counter.strays.contains(stamp);
            const rsn number = header_of(*value)->rsn;
            holds_deletion = holds_deletion || (stamp == 0 && number >= counter.deleted_at);
        } else if (contested) {
            copies.insert(0); // the side that wins may not have it
        }
    }
    if (copies.empty()) {
        copies.insert(0);
    }
    const bool only_empty = copies.size() == 1 && copies.contains(0);
    if (!counter.candidates.empty()) {
        counter.candidates = copies;
        return;
    }
    const bool held =
        counter.deleted_at ? holds_deletion || only_empty : copies.contains(counter.current.stamp);
    if (stray || !held) {
        lost_records += held ? 0 : 1;
        counter.candidates = copies;
    }
}

} // namespace ctdb::simulation
