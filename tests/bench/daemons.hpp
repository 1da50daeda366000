// What the benchmark clients ask the system about the daemons of a cluster on this machine.
#pragma once

#include "common/client/client.hpp"

namespace ctdb::bench {

// Anonymous memory of a node's ctdbd in KiB; 0 if /proc does not tell. An error: the daemon's pid
// could not be asked.
[[nodiscard]] async::task<result<long>> daemon_memory(client::client& node);

} // namespace ctdb::bench
