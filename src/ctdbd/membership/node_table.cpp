#include "ctdbd/membership/node_table.hpp"

#include "common/base/ensure.hpp"
#include "common/base/log.hpp"

#include <algorithm>
#include <array>

namespace ctdb::ctdbd {

namespace {

using protocol::node_flag;
using protocol::node_flags;

// What MODIFY_FLAGS may carry (W31): DISCONNECTED is each node's own view, DELETED the list's.
constexpr node_flags modifiable =
    node_flag::unhealthy | node_flag::permanently_disabled | node_flag::banned | node_flag::stopped;
constexpr node_flags lost_flags = node_flag::disconnected | node_flag::unhealthy;
constexpr node_flags deleted_flags = node_flag::deleted | node_flag::disconnected;

} // namespace

std::string flag_names(node_flags flags) {
    using named = std::pair<node_flags, std::string_view>;
    const std::array<named, 7> names{
        named{node_flag::disconnected, "DISCONNECTED"},
        named{node_flag::permanently_disabled, "DISABLED"},
        named{node_flag::banned, "BANNED"},
        named{node_flag::unhealthy, "UNHEALTHY"},
        named{node_flag::deleted, "DELETED"},
        named{node_flag::stopped, "STOPPED"},
        named{protocol::inactive_mask, "INACTIVE"}};
    std::string text;
    for (const auto& [flag, name] : names) {
        if (flags.has_any(flag)) {
            text += text.empty() ? "" : "|";
            text += name;
        }
    }
    return text.empty() ? "OK" : text;
}

node_table::node_table(pnn self, const std::vector<listed_node>& nodes) : self_(self) {
    nodes_.reserve(nodes.size());
    for (const listed_node& node : nodes) {
        nodes_.push_back(fresh(node));
    }
    ensure(self.value < nodes.size());
    ensure(!nodes[self.value].deleted);
    at(self).flags = node_flag::unhealthy; // until the first successful monitor event
}

node_table::entry node_table::fresh(const listed_node& node) {
    entry e;
    e.address = node.address;
    e.flags = node.deleted ? deleted_flags : lost_flags;
    return e;
}

node_table::entry& node_table::at(pnn node) {
    ensure(is_listed(node));
    return nodes_[node.value];
}

const node_table::entry& node_table::at(pnn node) const {
    ensure(is_listed(node));
    return nodes_[node.value];
}

bool node_table::is_known(pnn node) const {
    return is_listed(node) && !at(node).flags.has(node_flag::deleted);
}

bool node_table::is_connected(pnn node) const {
    return is_listed(node) && protocol::is_connected(at(node).flags);
}

bool node_table::is_active(pnn node) const {
    return is_listed(node) && !protocol::is_inactive(at(node).flags);
}

bool node_table::own_is_banned() const {
    return own_flags().has(node_flag::banned);
}

node_flags node_table::flags(pnn node) const {
    return at(node).flags;
}

const protocol::sock_addr& node_table::address(pnn node) const {
    return at(node).address;
}

std::optional<pnn> node_table::find(const protocol::sock_addr& address) const {
    for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
        if (is_known(pnn{i}) && protocol::same_ip(nodes_[i].address, address)) {
            return pnn{i};
        }
    }
    return std::nullopt;
}

protocol::node_map node_table::map() const {
    protocol::node_map map;
    map.nodes.reserve(nodes_.size());
    for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
        map.nodes.push_back({pnn{i}, nodes_[i].flags, nodes_[i].address});
    }
    return map;
}

template <class Wanted>
std::vector<pnn> node_table::select(Wanted wanted) const {
    std::vector<pnn> chosen;
    for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
        if (wanted(pnn{i})) {
            chosen.push_back(pnn{i});
        }
    }
    return chosen;
}

std::vector<pnn> node_table::expand(pnn destination) const {
    if (destination == protocol::broadcast_all) {
        return select([this](pnn node) { return is_known(node); });
    }
    if (destination == protocol::broadcast_active) {
        return select([this](pnn node) { return is_active(node); });
    }
    if (destination == protocol::broadcast_connected) {
        return select([this](pnn node) { return is_connected(node); });
    }
    const pnn node = destination == protocol::current_node ? self_ : destination;
    return is_known(node) ? std::vector<pnn>{node} : std::vector<pnn>{};
}

void node_table::set_capabilities(pnn node, protocol::capabilities announced) {
    if (is_connected(node)) { // N4
        at(node).announced = announced;
    }
}

std::optional<protocol::capabilities> node_table::capabilities(pnn node) const {
    return is_listed(node) ? at(node).announced : std::nullopt;
}

bool node_table::is_ours(pnn node) const {
    const auto announced = capabilities(node);
    return node == self_ || (announced && announced->has(protocol::capability::ours));
}

bool node_table::all_connected_are_ours() const {
    const std::vector<pnn> nodes = connected();
    return std::all_of(nodes.begin(), nodes.end(), [this](pnn n) { return is_ours(n); });
}

bool node_table::all_active_are_ours() const {
    const std::vector<pnn> nodes = active();
    return std::all_of(nodes.begin(), nodes.end(), [this](pnn n) { return is_ours(n); });
}

void node_table::link_up(pnn node) {
    ensure(node != self_ && is_known(node));
    // UNHEALTHY stays until the peer's real flags arrive (2.3).
    put_flags(node, at(node).flags.without(node_flag::disconnected), "connected");
}

void node_table::link_down(pnn node, std::string_view reason) {
    ensure(node != self_ && is_listed(node));
    if (is_connected(node)) {
        at(node).announced.reset();
        put_flags(node, at(node).flags | lost_flags, reason);
    }
}

modify_outcome node_table::modify_flags(const protocol::node_flag_change& change) {
    if (!is_listed(change.pnn)) {
        return modify_outcome::unknown_node;
    }
    if (change.pnn == self_ || !is_connected(change.pnn)) {
        return modify_outcome::ignored;
    }
    const node_flags before = at(change.pnn).flags;
    const node_flags now = before.without(modifiable) | (change.new_flags & modifiable);
    put_flags(change.pnn, now, "told by a leader");
    return now == before ? modify_outcome::unchanged : modify_outcome::changed;
}

void node_table::change_own(node_flags set, node_flags clear, std::string_view reason) {
    ensure(!set.has_any(deleted_flags)); // N1
    put_flags(self_, own_flags().without(clear) | set, reason);
}

void node_table::put_flags(pnn node, node_flags now, std::string_view reason) {
    const node_flags before = at(node).flags;
    if (before == now) {
        return;
    }
    at(node).flags = now;
    log_notice("node {}: {} -> {} ({})", node, flag_names(before), flag_names(now), reason);
    tell(flag_change{node, before, now, reason});
}

void node_table::tell(const flag_change& change) {
    std::erase_if(listeners_, [](const auto& weak) { return weak.expired(); });
    const auto listeners = listeners_; // a listener may subscribe another
    for (const std::weak_ptr<listener>& weak : listeners) {
        if (const auto held = weak.lock()) {
            (*held)(change);
        }
    }
}

node_table::subscription node_table::subscribe(listener on_change) {
    auto held = std::make_shared<listener>(std::move(on_change));
    listeners_.push_back(held);
    return subscription(std::move(held));
}

result<reload_outcome> node_table::reload(const std::vector<listed_node>& nodes) {
    const bool self_stays = self_.value < nodes.size() && !nodes[self_.value].deleted &&
                            nodes[self_.value].address == at(self_).address;
    if (!self_stays) {
        return fail(EINVAL, "new nodes list: node {} is this node and may not change or go", self_);
    }
    if (nodes.size() < nodes_.size()) {
        return fail(
            EINVAL,
            "new nodes list: {} entries instead of {}; comment nodes out instead of removing them",
            nodes.size(),
            nodes_.size()
        );
    }
    reload_outcome outcome;
    for (std::uint32_t i = 0; i < nodes.size(); ++i) {
        const pnn node{i};
        if (i >= nodes_.size()) {
            nodes_.push_back(fresh(listed_node{nodes[i].address, true}));
        }
        const bool was_live = is_known(node);
        if (!was_live && nodes[i].deleted) {
            continue;
        }
        if (was_live && !nodes[i].deleted && at(node).address == nodes[i].address) {
            continue; // keeps its flags and links
        }
        auto& list =
            !was_live ? outcome.added : (nodes[i].deleted ? outcome.removed : outcome.replaced);
        list.push_back(node);
        const entry e = fresh(nodes[i]);
        at(node).address = e.address;
        at(node).announced.reset();
        put_flags(node, e.flags, "nodes list reloaded");
    }
    return outcome;
}

} // namespace ctdb::ctdbd
