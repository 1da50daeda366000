#include "tests/simulation/support/sim_network.hpp"

#include "common/base/ensure.hpp"

#include <algorithm>
#include <vector>

namespace ctdb::simulation {

sim_network::sim_network(sim_world& world) : world_(world) {
    world.add(*this);
}

void sim_network::attach(pnn id, network_port& port, const sim_runtime& runtime) {
    node fresh;
    fresh.port = &port;
    fresh.runtime = &runtime;
    ensure(nodes_.emplace(id, std::move(fresh)).second);
    for (const auto& [other, state] : nodes_) {
        if (other != id) {
            heal_link(id, other);
        }
    }
}

void sim_network::detach(pnn id) {
    for (const auto& [other, state] : nodes_) {
        if (other != id) {
            break_link(id, other);
        }
    }
    const auto gone = [id](const auto& entry) { return entry.second.to == id; };
    for (auto it = events_.begin(); it != events_.end();) {
        packets_ -= gone(*it) && it->second.is == kind::packet ? 1 : 0;
        it = gone(*it) ? events_.erase(it) : std::next(it);
    }
    for (const auto& [at, e] : nodes_.at(id).waiting) {
        packets_ -= e.is == kind::packet ? 1 : 0;
    }
    nodes_.erase(id);
    for (auto& [direction, state] : ends_) {
        if (direction.first == id) {
            state.up = false; // a later life of the node knows of nothing
        }
    }
}

void sim_network::resumed(pnn id) {
    auto waiting = std::move(nodes_.at(id).waiting);
    nodes_.at(id).waiting.clear();
    for (auto& [at, e] : waiting) {
        events_.emplace(place{world_.now(), std::get<1>(at)}, std::move(e));
    }
}

bool sim_network::send(pnn from, pnn to, bytes packet) {
    const auto found = ends_.find({from, to});
    if (found == ends_.end() || !found->second.up) {
        return false;
    }
    if (lives_[unordered(from, to)] != found->second.life) {
        return true; // broken, and the sender has not been told yet
    }
    ++packets_;
    schedule(
        from,
        to,
        event{kind::packet, from, to, found->second.life, std::move(packet)},
        world_.between(delays_.least, delays_.most)
    );
    return true;
}

void sim_network::schedule(pnn from, pnn to, event e, std::chrono::microseconds delay) {
    end& direction = ends_[{from, to}];
    direction.last = std::max(direction.last, world_.now() + delay);
    events_.emplace(place{direction.last, sequence_++}, std::move(e));
}

void sim_network::break_link(pnn a, pnn b) {
    if (lives_[unordered(a, b)] == 0) {
        return;
    }
    lives_[unordered(a, b)] = 0;
    for (const auto& [from, to] : {pair{a, b}, pair{b, a}}) {
        lose_some(from, to);
        schedule(
            from,
            to,
            event{kind::lost, from, to, 0, {}},
            world_.between(delays_.least, delays_.most)
        );
    }
}

// The first few packets under way still arrive, the rest does not.
void sim_network::lose_some(pnn from, pnn to) {
    std::vector<std::map<place, event>::iterator> under_way;
    for (auto it = events_.begin(); it != events_.end(); ++it) {
        const event& e = it->second;
        if (e.is == kind::packet && e.from == from && e.to == to) {
            under_way.push_back(it);
        }
    }
    for (std::size_t i = world_.below(under_way.size() + 1); i < under_way.size(); ++i) {
        events_.erase(under_way[i]);
        --packets_;
    }
}

void sim_network::heal_link(pnn a, pnn b) {
    if (lives_[unordered(a, b)] != 0) {
        return;
    }
    const std::uint64_t life = ++last_life_;
    lives_[unordered(a, b)] = life;
    for (const auto& [from, to] : {pair{a, b}, pair{b, a}}) {
        schedule(
            from,
            to,
            event{kind::made, from, to, life, {}},
            world_.between(delays_.least, delays_.most)
        );
    }
}

bool sim_network::connected(pnn a, pnn b) const {
    const auto found = lives_.find(unordered(a, b));
    return found != lives_.end() && found->second != 0;
}

bool sim_network::usable(pnn a, pnn b) const {
    const auto known = ends_.find({a, b});
    const auto life = lives_.find(unordered(a, b));
    return known != ends_.end() && life != lives_.end() && known->second.up && life->second != 0 &&
           known->second.life == life->second;
}

std::optional<async::time_point> sim_network::next_event() const {
    if (events_.empty()) {
        return std::nullopt;
    }
    return std::get<0>(events_.begin()->first);
}

void sim_network::perform_next() {
    auto first = events_.extract(events_.begin());
    const auto to = nodes_.find(first.mapped().to);
    if (to == nodes_.end()) {
        packets_ -= first.mapped().is == kind::packet ? 1 : 0;
        return;
    }
    if (to->second.runtime->paused()) {
        to->second.waiting.insert(std::move(first));
        return;
    }
    perform(first.mapped());
}

// `made` and `lost` travel towards `to` and tell it about the way back.
void sim_network::perform(const event& e) {
    network_port& port = *nodes_.at(e.to).port;
    end& back = ends_[{e.to, e.from}];
    switch (e.is) {
    case kind::packet:
        --packets_;
        port.deliver(e.from, e.packet);
        break;
    case kind::made:
        back.up = true;
        back.life = e.life;
        port.connection_made(e.from);
        break;
    case kind::lost:
        back.up = false;
        port.connection_lost(e.from);
        break;
    }
}

} // namespace ctdb::simulation
