// A list of nodes as `-n` takes it with --json (cli.md 13.3): words with commas between - `all`,
// `active`, `leader`, `local`, 3, 0-2, 192.0.2.1. Pure.
#pragma once

#include "common/base/ids.hpp"
#include "common/protocol/types_membership.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

namespace ctdb::tool {

// Made of such words only. One number alone is a list too.
[[nodiscard]] bool is_node_list(std::string_view text);
[[nodiscard]] bool names_leader(std::string_view list);

struct cluster_facts {
    protocol::node_map nodes;
    pnn self;
    pnn leader = unknown_pnn;
};

// Each node once, in the order of the list; deleted ones are no nodes. The error is a line for
// people. Requires: is_node_list().
[[nodiscard]] tl::expected<std::vector<pnn>, std::string>
nodes_of(std::string_view list, const cluster_facts& facts);

} // namespace ctdb::tool
