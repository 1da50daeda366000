// keeper_lock_probe: tries the cluster lock once and gives it back: the test that upstream's
// recovery demands of every node before recovery mode NORMAL (cluster.md 4.6); it is expected to
// fail.
#pragma once

#include "common/async/child_process.hpp"
#include "common/async/task.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace ctdb::ctdbd {

enum class probe_outcome : std::uint8_t {
    taken,      // nobody holds it: the lock does not work across nodes
    contention, // as it should be
    timed_out,
    failed
};

// Runs a lock_command() for at most `limit`; afterwards it is gone.
[[nodiscard]] async::task<probe_outcome> probe_cluster_lock(
    async::event_loop& loop, std::vector<std::string> command, std::chrono::milliseconds limit
);

} // namespace ctdb::ctdbd
