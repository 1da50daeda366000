#include "tests/simulation/record/record_model.hpp"

#include "ctdbd/database/record/store_rule.hpp"

#include <algorithm>

namespace ctdb::simulation {

bytes encode_value(const record_value& value) {
    writer out(16);
    if (value.stamp != 0) {
        out.put(value.counter);
        out.put(value.stamp);
    }
    return out.take();
}

record_value decode_value(byte_view data) {
    reader in(data);
    record_value value;
    if (!data.empty()) {
        value.counter = in.get<std::uint64_t>();
        value.stamp = in.get<std::uint64_t>();
    }
    return value;
}

record_model::record_model(std::size_t keys, std::uint64_t hops_allowed)
    : models_(keys), hops_allowed_(hops_allowed) {
    for (std::size_t i = 0; i < keys; ++i) {
        names_.push_back(to_bytes(fmt::format("key {}", i)));
    }
}

std::size_t record_model::index(byte_view key) const {
    const auto found = std::find_if(names_.begin(), names_.end(), [&](const bytes& name) {
        return text_of(name) == text_of(key);
    });
    return static_cast<std::size_t>(found - names_.begin());
}

key_model& record_model::at(byte_view key) {
    return models_.at(index(key));
}

void record_model::fail(const std::string& what) {
    if (!failure_) {
        failure_ = what;
    }
}

void record_model::saw(byte_view key, const record_value& seen, const std::string& who) {
    const record_value& current = at(key).current();
    if (seen != current) {
        fail(fmt::format(
            "I6: {} reads {} (write {}) under the lock of '{}', which is {} (write {})",
            who,
            seen.counter,
            seen.stamp,
            text_of(key),
            current.counter,
            current.stamp
        ));
    }
}

record_value record_model::write_next(byte_view key, bool remove, pnn node, std::uint64_t life) {
    key_model& model = at(key);
    record_value next;
    if (!remove) {
        next = record_value{model.current().counter + 1, ++last_stamp_};
        ++increments;
    }
    model.history.push_back(next);
    model.writer = node;
    model.writer_life = life;
    return next;
}

// A read without lock: some value that the record had while the read was under way.
void record_model::fetched(byte_view key, std::size_t since, const record_value& seen) {
    const auto& history = at(key).history;
    const auto from = history.begin() + static_cast<std::ptrdiff_t>(since);
    if (std::find(from, history.end(), seen) == history.end()) {
        fail(fmt::format("I6: fetch of '{}' gave an old value: {}", text_of(key), seen.counter));
    }
}

void record_model::changed(pnn node, byte_view key, const bytes* after) {
    const std::size_t i = index(key);
    changed_.insert(i);
    if (after == nullptr) {
        return;
    }
    const auto header = protocol::header_of(*after);
    if (!header) {
        fail(fmt::format("'{}' on node {}: shorter than a header", text_of(key), node));
        return;
    }
    if (header->flags.has_any(ctdbd::transient_flags)) {
        fail(fmt::format("I24: '{}' on node {}: transient flag stored", text_of(key), node));
    }
    rsn& highest = highest_[{node, i}];
    if (header->rsn < highest) {
        fail(fmt::format(
            "I3: '{}' on node {}: rsn falls from {} to {}", text_of(key), node, highest, header->rsn
        ));
    }
    highest = header->rsn;
}

void record_model::wiped(pnn node) {
    for (std::size_t i = 0; i < names_.size(); ++i) {
        changed_.insert(i);
        highest_.erase({node, i});
    }
}

void record_model::check_changed(const std::function<std::vector<copy>(byte_view key)>& copies) {
    for (const std::size_t i : std::exchange(changed_, {})) {
        const auto all = copies(names_[i]);
        for (const copy& holder : all) {
            if (holder.header.dmaster != holder.node) {
                continue;
            }
            for (const copy& other : all) {
                if (other.node == holder.node || other.generation != holder.generation) {
                    continue;
                }
                check_against_holder(names_[i], holder, other);
            }
        }
    }
}

void record_model::check_against_holder(byte_view key, const copy& holder, const copy& other) {
    using protocol::record_flag;
    if (other.header.dmaster == other.node) {
        fail(fmt::format(
            "I1: '{}' has two dmasters: {} and {}", text_of(key), holder.node, other.node
        ));
        return;
    }
    if (other.header.rsn >= holder.header.rsn) {
        fail(fmt::format(
            "I2: '{}': dmaster {} has rsn {}, node {} has {}",
            text_of(key),
            holder.node,
            holder.header.rsn,
            other.node,
            other.header.rsn
        ));
    }
    if (other.value.stamp != 0 && !holder.header.flags.has(record_flag::migrated_with_data)) {
        fail(fmt::format(
            "I7: '{}': node {} has data that dmaster {} knows nothing of",
            text_of(key),
            other.node,
            holder.node
        ));
    }
    if (other.header.flags.has(record_flag::ro_have_readonly) && other.value != holder.value) {
        fail(fmt::format(
            "I22: '{}': node {} may read write {}, the dmaster {} has {}",
            text_of(key),
            other.node,
            other.value.stamp,
            holder.node,
            holder.value.stamp
        ));
    }
}

void record_model::role_sent(byte_view key, rsn packet, const std::vector<copy>& copies) {
    ++at(key).handovers;
    for (const copy& c : copies) {
        if (c.header.rsn > packet) {
            fail(fmt::format(
                "I2: '{}' leaves with rsn {}, node {} has {}",
                text_of(key),
                packet,
                c.node,
                c.header.rsn
            ));
        }
    }
}

void record_model::call_sent(byte_view key, pnn source, reqid id) {
    handovers_at_start_[{source, id}] = at(key).handovers;
}

void record_model::call_arrived(byte_view key, pnn source, reqid id, std::uint32_t hopcount) {
    const auto start = handovers_at_start_.find({source, id});
    if (start == handovers_at_start_.end()) {
        return; // a life before this one
    }
    const std::uint64_t bound = hops_allowed_ + 2 * (at(key).handovers - start->second);
    if (hopcount > bound) {
        fail(fmt::format(
            "I4: request {} of node {} for '{}' redirected {} times, {} explained",
            id,
            source,
            text_of(key),
            hopcount,
            bound
        ));
    }
}

void record_model::taken_up(pnn node, std::uint64_t life, byte_view key, std::uint64_t arrival) {
    std::uint64_t& last = arrivals_[{node, life, index(key)}];
    if (arrival < last) {
        fail(fmt::format(
            "I8: '{}' on node {}: {} overtaken by {}", text_of(key), node, arrival, last
        ));
    }
    last = arrival;
}

void record_model::recovered(
    byte_view key,
    const record_value& winner,
    const std::vector<copy>& candidates,
    const std::function<bool(pnn, std::uint64_t life)>& valid
) {
    key_model& model = at(key);
    if (winner == model.current()) {
        return;
    }
    const bool writer_took_part =
        model.writer != unknown_pnn && valid(model.writer, model.writer_life);
    const bool copy_exists = std::any_of(candidates.begin(), candidates.end(), [&](const copy& c) {
        return c.value.stamp != 0 && c.value == model.current();
    });
    if (writer_took_part || copy_exists) {
        fail(fmt::format(
            "I6: recovery gives '{}' the value {} (write {}) instead of {} (write {})",
            text_of(key),
            winner.counter,
            winner.stamp,
            model.current().counter,
            model.current().stamp
        ));
    }
    if (std::find(model.history.begin(), model.history.end(), winner) == model.history.end()) {
        fail(fmt::format("I6: recovery invents a value for '{}'", text_of(key)));
    }
    model.history.push_back(winner);
    model.writer = unknown_pnn;
}

} // namespace ctdb::simulation
