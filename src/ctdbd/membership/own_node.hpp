// own_node: the rules for this node's own flags - stop, continue, disable, enable, ban, unban,
// health (cluster.md 3.5, 3.6) - and the two moments that matter to everybody: becoming inactive
// and becoming active.
//
//   O1  become_inactive runs exactly when the last reason to be active goes, before the control
//       that caused it is answered (W46): it voids the generation, sets recovery mode ACTIVE,
//       queues the freeze, tells the providers.
//   O2  BANNED is set exactly while a ban runs (W47). A ban whose end finds databases that are not
//       frozen starts again for RecoveryBanPeriod.
//   O3  EnableBans = 0 changes nothing at all, a running ban included; unbanning always works.
#pragma once

#include "common/async/runtime.hpp"
#include "common/protocol/tunables.hpp"
#include "ctdbd/membership/node_table.hpp"

#include <functional>
#include <string_view>

namespace ctdb::ctdbd {

struct own_node_hooks {
    std::function<void(std::string_view reason)> become_inactive;
    std::function<void(std::string_view reason)> become_active;
    std::function<bool()> all_databases_frozen;
    // After each change of UNHEALTHY: PUSH_NODE_FLAGS to the leader logic, TAKEOVER_RUN to all.
    std::function<void(const protocol::node_flag_change&)> health_changed;
};

enum class start_flag : std::uint8_t { none, disabled, stopped, disabled_and_stopped };

class own_node {
public:
    // `table` and `tunables` outlive it. Every hook is set.
    own_node(
        async::runtime& rt,
        node_table& table,
        const protocol::tunable_list& tunables,
        own_node_hooks hooks
    );

    void start_as(start_flag how); // [legacy] start as disabled / stopped; runs no hook
    void stop();
    void resume(); // CONTINUE_NODE
    void disable();
    void enable();
    // SET_BAN_STATE. EPERM: it names another node (status -1).
    [[nodiscard]] result<> set_ban(const protocol::ban_state& wanted, std::string_view reason);
    [[nodiscard]] protocol::ban_state ban() const; // GET_BAN_STATE
    void set_healthy(bool healthy, std::string_view reason);
    [[nodiscard]] bool inactive() const { return protocol::is_inactive(table_.own_flags()); }

private:
    void change(protocol::node_flags set, protocol::node_flags clear, std::string_view reason);
    void start_ban(std::uint32_t seconds, std::string_view reason);
    void ban_over();

    node_table& table_;
    const protocol::tunable_list& tunables_;
    const own_node_hooks hooks_;
    std::uint32_t ban_seconds_ = 0; // 0: not banned
    async::timer ban_end_;
};

} // namespace ctdb::ctdbd
