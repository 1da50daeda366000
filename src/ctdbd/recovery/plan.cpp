#include "ctdbd/recovery/plan.hpp"

#include <algorithm>

namespace ctdb::ctdbd {

std::vector<pnn> lmasters_of(const std::vector<node_capabilities>& active, pnn leader) {
    std::vector<pnn> map;
    for (const node_capabilities& node : active) {
        if (node.capabilities.has(protocol::capability::lmaster)) {
            map.push_back(node.node);
        }
    }
    if (map.empty()) {
        map.push_back(leader);
    }
    return map;
}

bool all_are_ours(const std::vector<node_capabilities>& active) {
    return std::all_of(active.begin(), active.end(), [](const node_capabilities& node) {
        return node.capabilities.has(protocol::capability::ours);
    });
}

generation pick_generation(std::uint64_t random, const std::set<generation>& seen) {
    auto candidate = static_cast<std::uint32_t>(random);
    while (candidate <= invalid_generation.value || seen.contains(generation{candidate})) {
        ++candidate; // `seen` is finite and small
    }
    return generation{candidate};
}

bool calls_itself_active(const protocol::node_map& map, pnn node) {
    const auto found = std::find_if(map.nodes.begin(), map.nodes.end(), [node](const auto& n) {
        return n.pnn == node;
    });
    return found != map.nodes.end() && !protocol::is_inactive(found->flags);
}

std::vector<pnn> connected_nodes(const protocol::node_map& map) {
    std::vector<pnn> nodes;
    for (const auto& node : map.nodes) {
        if (protocol::is_connected(node.flags)) {
            nodes.push_back(node.pnn);
        }
    }
    return nodes;
}

} // namespace ctdb::ctdbd
