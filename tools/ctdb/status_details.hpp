// What `status -v --json` tells beyond upstream's object (cli.md 13.1).
#pragma once

#include "json.hpp"

#include <vector>

namespace ctdb::tool {

// Adds to every node of `status`, by number below node_status/nodes, "runstate", "uptime_s",
// "banned_for_s" and "addresses_hosted", and "cluster" at the end. `connected` are asked at a time;
// of the others, and of one that does not answer, everything is null.
[[nodiscard]] async::task<void>
add_details(context& ctx, std::vector<pnn> connected, pnn leader, json& status);

} // namespace ctdb::tool
