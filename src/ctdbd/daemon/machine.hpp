// machine: the node's doors to the machine it runs on.
#pragma once

#include "common/async/event_loop.hpp"
#include "common/conf/config.hpp"
#include "common/event/event_client.hpp"
#include "ctdbd/node_host.hpp"

#include <functional>
#include <string>
#include <vector>

namespace ctdb::ctdbd {

class machine final : public node_host {
public:
    // `settings` and `events` outlive it.
    machine(async::event_loop& loop, const conf::config& settings, event::event_client& events);

    void on_shut_down(std::function<void(int, const std::string&)> handler) {
        shut_down_ = std::move(handler);
    }
    // lock_command(); without it there is no cluster lock to try.
    void set_lock_command(std::vector<std::string> command) { lock_command_ = std::move(command); }
    // EventScriptTimeout as it is now.
    void on_event_timeout(std::function<std::chrono::seconds()> ask) {
        event_timeout_ = std::move(ask);
    }

    [[nodiscard]] protocol::time_value wall_clock() const override;
    [[nodiscard]] std::int32_t process_id() const override;
    [[nodiscard]] bool process_alive(std::int32_t pid) const override;
    [[nodiscard]] async::task<result<int>> run_event(cluster_event event) override;
    [[nodiscard]] async::task<result<std::vector<listed_node>>> read_nodes() override;
    [[nodiscard]] async::task<result<>> cluster_lock_is_taken() override;
    void set_log_level(std::int32_t level) override;
    [[nodiscard]] std::int32_t log_level() const override;
    [[nodiscard]] std::string memory_report() const override;
    [[nodiscard]] std::uint32_t memory_used() const override;
    void shut_down(int exit_code, const std::string& reason) override;

private:
    async::task<result<std::string>> run_nodes_program(std::vector<std::string> argv);

    async::event_loop& loop_;
    const conf::config& settings_;
    event::event_client& events_;
    std::vector<std::string> lock_command_;
    std::function<void(int, const std::string&)> shut_down_;
    std::function<std::chrono::seconds()> event_timeout_;
};

} // namespace ctdb::ctdbd
