// node_host: what a node needs of the machine it runs on. A door: the daemon, or the simulation.
#pragma once

#include "common/async/task.hpp"
#include "common/base/result.hpp"
#include "common/protocol/types_membership.hpp"
#include "ctdbd/membership/node_table.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace ctdb::ctdbd {

// An event of ctdbd itself: component cluster, and legacy where it exists (events.md 11.3).
struct cluster_event {
    std::string name; // "init", "setup", "startrecovery", "recovered", "stopped", "shutdown"
    std::vector<std::string> arguments;
};

class node_host {
public:
    node_host() = default;
    node_host(const node_host&) = delete;
    node_host& operator=(const node_host&) = delete;
    virtual ~node_host() = default;

    [[nodiscard]] virtual protocol::time_value wall_clock() const = 0;
    [[nodiscard]] virtual std::int32_t process_id() const = 0;
    [[nodiscard]] virtual bool process_alive(std::int32_t pid) const = 0;
    // 0, the failing script's exit status, or an errno; an error if no event daemon can be reached.
    [[nodiscard]] virtual async::task<result<int>> run_event(cluster_event event) = 0;
    // The nodes list as it is now (file or program).
    [[nodiscard]] virtual async::task<result<std::vector<listed_node>>> read_nodes() = 0;
    // While another node leads: tries the cluster lock. An error: it could be taken, so it does not
    // hold between nodes, or trying failed. Success where none is configured.
    [[nodiscard]] virtual async::task<result<>> cluster_lock_is_taken() = 0;
    // Another log level (SET_DEBUG); the process's own.
    virtual void set_log_level(std::int32_t level) = 0;
    [[nodiscard]] virtual std::int32_t log_level() const = 0;
    [[nodiscard]] virtual std::string memory_report() const = 0;
    [[nodiscard]] virtual std::uint32_t memory_used() const = 0; // bytes
    // The node wants to leave: run the shutdown sequence, then exit with this code.
    virtual void shut_down(int exit_code, const std::string& reason) = 0;
};

} // namespace ctdb::ctdbd
