#include "ctdbd/membership/own_node.hpp"

#include "common/base/ensure.hpp"
#include "common/base/log.hpp"

namespace ctdb::ctdbd {

using protocol::node_flag;
using protocol::node_flags;
using protocol::tunable_id;

own_node::own_node(
    async::runtime& rt,
    node_table& table,
    const protocol::tunable_list& tunables,
    own_node_hooks hooks
)
    : table_(table), tunables_(tunables), hooks_(std::move(hooks)),
      ban_end_(rt, [this] { ban_over(); }) {
    ensure(hooks_.become_inactive != nullptr);
    ensure(hooks_.become_active != nullptr);
    ensure(hooks_.all_databases_frozen != nullptr);
    ensure(hooks_.health_changed != nullptr);
}

void own_node::start_as(start_flag how) {
    if (how == start_flag::disabled || how == start_flag::disabled_and_stopped) {
        table_.change_own(node_flag::permanently_disabled, {}, "configured to start as disabled");
    }
    if (how == start_flag::stopped || how == start_flag::disabled_and_stopped) {
        table_.change_own(node_flag::stopped, {}, "configured to start as stopped");
    }
}

void own_node::stop() {
    change(node_flag::stopped, {}, "stopped");
}

void own_node::resume() {
    change({}, node_flag::stopped, "continued");
}

void own_node::disable() {
    change(node_flag::permanently_disabled, {}, "disabled");
}

void own_node::enable() {
    change({}, node_flag::permanently_disabled, "enabled");
}

void own_node::change(node_flags set, node_flags clear, std::string_view reason) {
    const bool was_inactive = inactive();
    table_.change_own(set, clear, reason);
    if (inactive() && !was_inactive) {
        hooks_.become_inactive(reason); // O1
    } else if (!inactive() && was_inactive) {
        hooks_.become_active(reason);
    }
}

result<> own_node::set_ban(const protocol::ban_state& wanted, std::string_view reason) {
    if (wanted.pnn != table_.self()) {
        return fail(EPERM, "ban of node {} was sent to node {}", wanted.pnn, table_.self());
    }
    if (wanted.seconds == 0) {
        ban_end_.cancel();
        ban_seconds_ = 0;
        change({}, node_flag::banned, "unbanned");
    } else if (tunables_[tunable_id::enable_bans] == 0) { // O3
        log_warning(
            "ban for {} s not carried out ({}): bans are disabled by EnableBans",
            wanted.seconds,
            reason
        );
    } else {
        start_ban(wanted.seconds, reason);
    }
    return {};
}

void own_node::start_ban(std::uint32_t seconds, std::string_view reason) {
    log_error("this node is banned for {} s: {}", seconds, reason);
    ban_seconds_ = seconds;
    ban_end_.arm_in(std::chrono::seconds(seconds));
    change(node_flag::banned, {}, reason);
}

void own_node::ban_over() {
    if (!hooks_.all_databases_frozen()) {
        start_ban(
            tunables_[tunable_id::recovery_ban_period],
            "ban is over, but some databases could not be frozen"
        );
        return;
    }
    ban_seconds_ = 0;
    change({}, node_flag::banned, "ban is over");
}

protocol::ban_state own_node::ban() const {
    return {table_.self(), ban_seconds_};
}

void own_node::set_healthy(bool healthy, std::string_view reason) {
    const node_flags before = table_.own_flags();
    if (healthy) {
        table_.change_own({}, node_flag::unhealthy, reason);
    } else {
        table_.change_own(node_flag::unhealthy, {}, reason);
    }
    const node_flags now = table_.own_flags();
    if (now != before) {
        hooks_.health_changed({table_.self(), now, before});
    }
}

} // namespace ctdb::ctdbd
