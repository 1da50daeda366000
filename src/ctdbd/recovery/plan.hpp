// plan: the small decisions of a recovery (databases.md 6.4). Pure.
#pragma once

#include "common/protocol/types_membership.hpp"

#include <optional>
#include <set>
#include <vector>

namespace ctdb::ctdbd {

struct node_capabilities {
    pnn node;
    protocol::capabilities capabilities;
};

// Nodes with LMASTER in node order; none: the leader alone.
[[nodiscard]] std::vector<pnn>
lmasters_of(const std::vector<node_capabilities>& active, pnn leader);

// Every active node runs this implementation.
[[nodiscard]] bool all_are_ours(const std::vector<node_capabilities>& active);

// A generation that is neither INVALID (1), nor 0, nor one of `seen` (12.1 #23).
[[nodiscard]] generation pick_generation(std::uint64_t random, const std::set<generation>& seen);

// What a node's own map says about itself.
[[nodiscard]] bool calls_itself_active(const protocol::node_map& map, pnn node);
// Nodes that a map shows as connected, in its order.
[[nodiscard]] std::vector<pnn> connected_nodes(const protocol::node_map& map);

} // namespace ctdb::ctdbd
