#include "ctdbd/leadership/monitor_rules.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace ctdb::ctdbd {

namespace {

using protocol::node_flag;
using protocol::node_flags;

const protocol::node_and_flags* find(const protocol::node_map& map, pnn node) {
    for (const auto& n : map.nodes) {
        if (n.pnn == node) {
            return &n;
        }
    }
    return nullptr;
}

bool active_in(const survey& s, pnn node) {
    const auto* n = find(s.nodes, node);
    return n != nullptr && !protocol::is_inactive(n->flags);
}

// Reports of the active nodes, the leader's own among them.
std::vector<const node_report*> active_reports(const survey& s) {
    std::vector<const node_report*> active;
    for (const node_report& r : s.reports) {
        if (active_in(s, r.node)) {
            active.push_back(&r);
        }
    }
    return active;
}

// DISCONNECTED is everybody's own view and DELETED the nodes list's: neither is pushed.
constexpr node_flags pushed = node_flags(~(node_flag::disconnected | node_flag::deleted).value);

bool somebody_differs(const survey& s, pnn node, node_flags truth) {
    return std::any_of(s.reports.begin(), s.reports.end(), [&](const node_report& r) {
        const auto* seen = r.map ? find(*r.map, node) : nullptr;
        return seen != nullptr && !seen->flags.has(node_flag::disconnected) &&
               (seen->flags & pushed) != (truth & pushed);
    });
}

std::optional<recovery_need> mode_need(const survey& s) {
    std::vector<pnn> asking;
    for (const node_report* r : active_reports(s)) {
        if (r->mode && *r->mode != protocol::recovery_mode::normal) {
            asking.push_back(r->node);
        }
    }
    if (asking.empty()) {
        return std::nullopt;
    }
    return recovery_need{
        recovery_cause::asked_for,
        std::nullopt,
        fmt::format("recovery mode is ACTIVE on node(s) {}", fmt::join(asking, ", "))};
}

std::optional<recovery_need> list_need(const survey& s) {
    for (const node_report* r : active_reports(s)) {
        if (!r->map) {
            continue;
        }
        const bool same = std::equal(
            r->map->nodes.begin(),
            r->map->nodes.end(),
            s.nodes.nodes.begin(),
            s.nodes.nodes.end(),
            [](const auto& a, const auto& b) { return a.pnn == b.pnn; }
        );
        if (!same) {
            return recovery_need{
                recovery_cause::other_node_list,
                r->node,
                fmt::format(
                    "node {} has {} nodes in its list, the leader {}",
                    r->node,
                    r->map->nodes.size(),
                    s.nodes.nodes.size()
                )};
        }
    }
    return std::nullopt;
}

std::optional<recovery_need> membership_need(const survey& s) {
    const node_report* own = s.of(s.leader);
    if (own == nullptr || !own->vnn_map) {
        return std::nullopt;
    }
    std::vector<pnn> have = own->vnn_map->map;
    std::sort(have.begin(), have.end());
    const std::vector<pnn> want = expected_location_masters(s);
    if (have == want) {
        return std::nullopt;
    }
    return recovery_need{
        recovery_cause::membership,
        std::nullopt,
        fmt::format(
            "location masters are to be [{}] instead of [{}]",
            fmt::join(want, " "),
            fmt::join(have, " ")
        )};
}

std::optional<recovery_need> vnn_map_need(const survey& s) {
    const node_report* own = s.of(s.leader);
    if (own == nullptr || !own->vnn_map) {
        return std::nullopt;
    }
    for (const node_report* r : active_reports(s)) {
        if (r->vnn_map && *r->vnn_map != *own->vnn_map) {
            return recovery_need{
                recovery_cause::other_vnn_map,
                r->node,
                fmt::format(
                    "node {} has vnn map generation {:#x} [{}], the leader {:#x} [{}]",
                    r->node,
                    r->vnn_map->generation.value,
                    fmt::join(r->vnn_map->map, " "),
                    own->vnn_map->generation.value,
                    fmt::join(own->vnn_map->map, " ")
                )};
        }
    }
    return std::nullopt;
}

} // namespace

const node_report* survey::of(pnn node) const {
    for (const node_report& r : reports) {
        if (r.node == node) {
            return &r;
        }
    }
    return nullptr;
}

std::vector<protocol::node_flag_change> reconcile_flags(survey& s) {
    std::vector<protocol::node_flag_change> pushes;
    for (protocol::node_and_flags& n : s.nodes.nodes) {
        const node_report* r = s.of(n.pnn);
        const auto* own_word = r != nullptr && r->map ? find(*r->map, n.pnn) : nullptr;
        if (own_word == nullptr) {
            continue; // not connected, or silent: nobody knows better
        }
        const node_flags before = n.flags;
        n.flags = before.without(pushed) | (own_word->flags & pushed);
        if (n.flags != before || somebody_differs(s, n.pnn, n.flags)) {
            pushes.push_back({n.pnn, n.flags, before});
        }
    }
    return pushes;
}

std::optional<recovery_need> need_of_recovery(const survey& s) {
    for (const auto rule : {mode_need, list_need, membership_need, vnn_map_need}) {
        if (auto need = rule(s)) {
            return need;
        }
    }
    return std::nullopt;
}

std::vector<pnn> expected_location_masters(const survey& s) {
    std::vector<pnn> masters;
    for (const node_report* r : active_reports(s)) {
        // A node that did not answer keeps its place: what it can do is not known to have changed.
        if (!r->capabilities || r->capabilities->has(protocol::capability::lmaster)) {
            masters.push_back(r->node);
        }
    }
    if (masters.empty()) {
        masters.push_back(s.leader); // W44
    }
    std::sort(masters.begin(), masters.end());
    return masters;
}

std::vector<mesh_gap> mesh_gaps(const survey& s) {
    std::set<mesh_gap> gaps;
    for (const node_report* r : active_reports(s)) {
        for (const node_report* other : active_reports(s)) {
            const auto* seen = r->map ? find(*r->map, other->node) : nullptr;
            if (seen != nullptr && r != other && seen->flags.has(node_flag::disconnected)) {
                gaps.insert({std::min(r->node, other->node), std::max(r->node, other->node)});
            }
        }
    }
    return {gaps.begin(), gaps.end()};
}

std::optional<pnn> mesh_victim(const std::vector<mesh_gap>& gaps, pnn leader) {
    std::map<pnn, std::size_t> count;
    for (const mesh_gap& gap : gaps) {
        for (const pnn node : {gap.a, gap.b}) {
            if (node != leader) {
                ++count[node];
            }
        }
    }
    std::optional<pnn> worst;
    for (const auto& [node, gaps_of_node] : count) {
        if (!worst || gaps_of_node >= count[*worst]) {
            worst = node;
        }
    }
    return worst;
}

} // namespace ctdb::ctdbd
