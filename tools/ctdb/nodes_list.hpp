// The nodes list as the tool reads it: upstream's messages on failure.
#pragma once

#include "common/conf/nodes_list.hpp"
#include "context.hpp"

#include <vector>

namespace ctdb::tool {

// Prints what is wrong.
[[nodiscard]] async::task<outcome<std::vector<conf::node_entry>>> read_nodes_list(context& ctx);

// After a failed connection: is this machine a node at all? Prints upstream's hint if not.
[[nodiscard]] async::task<void> explain_no_connection(context& ctx);

} // namespace ctdb::tool
