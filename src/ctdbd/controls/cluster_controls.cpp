// Controls about membership, leadership, recovery mode and the recovery's frame (cluster.md 0.4).

#include "common/async/combinators.hpp"
#include "common/base/log.hpp"
#include "common/protocol/controls.hpp"
#include "ctdbd/node.hpp"

namespace ctdb::ctdbd {

namespace {

namespace controls = protocol::controls;
using namespace std::chrono_literals;
using protocol::none;
using protocol::status_value;

constexpr async::duration inactive_limit = 8s; // below the tool's command timeout of 10 s
constexpr async::duration lock_question_limit = 5s;

// The node has let go of everything before STOP_NODE or SET_BAN_STATE is answered, or the time is
// up.
template <class Control>
async::task<> answer_when_inactive(node& n, reply_to<Control> reply) {
    const async::time_point deadline = n.routes().runtime().now() + inactive_limit;
    co_await n.activity_acknowledged(deadline);
    reply(answer<>{});
}

// A leader with another cluster lock cannot be obeyed: the two would lead side by side
// (cluster.md 4.6).
async::task<bool> lock_setting_agrees(node& n, pnn leader) {
    const async::time_point deadline = n.routes().runtime().now() + lock_question_limit;
    const none nothing;
    const auto theirs =
        co_await client::call<controls::get_lock_setting>(n.cluster(), leader, nothing, deadline);
    if (!theirs) {
        log_warning("cluster lock of leader {} unknown: {}", leader, theirs.error().what);
        co_return true; // it is losing us, or we it: its recovery will not succeed anyway
    }
    if (*theirs == n.lock_setting()) {
        co_return true;
    }
    log_error(
        "[cluster] cluster lock is \"{}\" here and \"{}\" on the leader, node {}: make them equal, "
        "byte for byte",
        n.lock_setting().value_or(""),
        theirs->value_or(""),
        leader
    );
    co_return false;
}

using recovery_mode_reply = reply_to<controls::set_recovery_mode>;

async::task<> try_lock_and_go_normal(node& n, recovery_mode_reply reply) {
    const std::uint64_t recovery = n.recoveries_begun();
    const result<> taken = co_await n.host().cluster_lock_is_taken();
    if (n.recoveries_begun() != recovery) {
        reply(answer<>(refuse("another recovery began while the cluster lock was tried")));
        co_return;
    }
    if (!taken) {
        log_error("recovery mode NORMAL refused: {}", taken.error().what);
        reply(answer<>(refuse(taken.error())));
        co_return;
    }
    reply(n.set_recovery_mode(protocol::recovery_mode::normal));
}

// An upstream leader wants to know whether its lock keeps others out (cluster.md 4.6); ours proves
// it by its keeper.
void go_normal(node& n, pnn leader, const recovery_mode_reply& reply) {
    const bool proves_it_itself = leader == n.table().self() || n.table().is_ours(leader);
    if (n.lock_setting() && n.current_epoch().recovering() && !proves_it_itself) {
        n.background().spawn(try_lock_and_go_normal(n, reply));
        return;
    }
    reply(n.set_recovery_mode(protocol::recovery_mode::normal));
}

async::task<result<int>> run_recovery_event(node& n, std::string name) {
    cluster_event event;
    event.name = std::move(name);
    result<int> status = co_await n.host().run_event(std::move(event));
    if (status && *status == ETIMEDOUT) {
        status = 0; // a hung script does not fail the recovery (cluster.md 6.3)
    }
    co_return status;
}

answer<> event_answer(const result<int>& status, std::string_view name) {
    if (!status) {
        log_warning(
            "event {}: {}", name, status.error().what
        ); // no event daemon is no reason to fail
        return {};
    }
    if (*status != 0) {
        return refuse_with(*status, "event {} failed with {}", name, *status);
    }
    return {};
}

async::task<> start_recovery(node& n, pnn leader, reply_to<controls::start_recovery> reply) {
    n.recovery_starts();
    const bool agreed = co_await lock_setting_agrees(n, leader);
    if (!agreed) {
        reply(answer<>(refuse("cluster lock differs from the leader's")));
        n.host().shut_down(1, "cluster lock differs from the leader's");
        co_return;
    }
    const result<int> status = co_await run_recovery_event(n, "startrecovery");
    reply(event_answer(status, "startrecovery"));
}

// Clients do not wait for scripts to learn what became of their transactions (databases.md 6.4).
async::task<> end_recovery(node& n, reply_to<controls::end_recovery> reply) {
    n.commits().recovery_ended();
    const result<int> status = co_await run_recovery_event(n, "recovered");
    n.recovery_ends();
    reply(event_answer(status, "recovered"));
}

async::task<> reload_nodes(node& n, reply_to<controls::reload_nodes_file> reply) {
    const answer<> outcome = co_await n.reload_nodes();
    reply(outcome);
}

// Flags only tell which are deleted; those have the address 0.0.0.0.
protocol::node_map as_map(const std::vector<listed_node>& nodes) {
    protocol::node_map map;
    for (const listed_node& listed : nodes) {
        protocol::node_and_flags entry;
        entry.pnn = pnn{static_cast<std::uint32_t>(map.nodes.size())};
        entry.address = listed.deleted ? protocol::ipv4({0, 0, 0, 0}) : listed.address;
        if (listed.deleted) {
            entry.flags = protocol::node_flag::deleted;
        }
        map.nodes.push_back(entry);
    }
    return map;
}

async::task<> nodes_file(node& n, reply_to<controls::get_nodes_file> reply) {
    const result<std::vector<listed_node>> nodes = co_await n.host().read_nodes();
    if (!nodes) {
        reply(answer<protocol::node_map>(refuse(nodes.error())));
        co_return;
    }
    reply(answer<protocol::node_map>(as_map(*nodes)));
}

void serve_own_flags(control_table& table, node& n) {
    table.serve_later<controls::stop_node>(
        [&n](const control_request&, none, const reply_to<controls::stop_node>& reply) {
            n.own().stop();
            n.background().spawn(answer_when_inactive(n, reply));
        }
    );
    table.serve<controls::continue_node>([&n](const control_request&, none) -> answer<> {
        n.own().resume();
        return {};
    });
    table.serve<controls::disable_node>([&n](const control_request&, none) -> answer<> {
        n.own().disable();
        n.leadership().wake_leader();
        return {};
    });
    table.serve<controls::enable_node>([&n](const control_request&, none) -> answer<> {
        n.own().enable();
        n.leadership().wake_leader();
        return {};
    });
    table.serve_later<controls::set_ban_state>([&n](
                                                   const control_request& request,
                                                   const protocol::ban_state& wanted,
                                                   const reply_to<controls::set_ban_state>& reply
                                               ) {
        const std::string reason = fmt::format("asked for by node {}", request.origin.node);
        if (const result<> banned = n.own().set_ban(wanted, reason); !banned) {
            reply(answer<>(refuse(banned.error())));
            return;
        }
        n.leadership().wake_leader();
        n.background().spawn(answer_when_inactive(n, reply));
    });
    table.serve<controls::get_ban_state>(
        [&n](const control_request&, none) -> answer<protocol::ban_state> { return n.own().ban(); }
    );
}

void serve_membership(control_table& table, node& n) {
    table.serve<controls::get_node_map>(
        [&n](const control_request&, none) -> answer<protocol::node_map> { return n.table().map(); }
    );
    table.serve_later<controls::get_nodes_file>(
        [&n](const control_request&, none, const reply_to<controls::get_nodes_file>& reply) {
            n.background().spawn(nodes_file(n, reply));
        }
    );
    table.serve_later<controls::reload_nodes_file>(
        [&n](const control_request&, none, const reply_to<controls::reload_nodes_file>& reply) {
            n.background().spawn(reload_nodes(n, reply));
        }
    );
    table.serve<controls::modify_flags>(
        [&n](const control_request&, const protocol::node_flag_change& change) -> answer<> {
            const modify_outcome outcome = n.table().modify_flags(change);
            if (outcome == modify_outcome::unknown_node) {
                return refuse("MODIFY_FLAGS names unknown node {}", change.pnn);
            }
            if (outcome == modify_outcome::changed && change.new_flags.none() &&
                n.state() <= protocol::run_state::startup &&
                n.state() > protocol::run_state::setup) {
                n.leadership().wake_leader();
            }
            return {};
        }
    );
    table.serve<controls::get_capabilities>(
        [&n](const control_request&, none) -> answer<protocol::capabilities> {
            return n.capabilities();
        }
    );
    table.serve<controls::set_lmaster_role>(
        [&n](const control_request&, std::uint32_t on) -> answer<> {
            n.set_capability(protocol::capability::lmaster, on != 0);
            return {};
        }
    );
    table.serve<controls::set_leader_role>(
        [&n](const control_request&, std::uint32_t on) -> answer<> {
            n.set_capability(protocol::capability::recmaster, on != 0);
            return {};
        }
    );
    table.serve<controls::get_lock_setting>(
        [&n](const control_request&, none) -> answer<std::optional<std::string>> {
            return n.lock_setting();
        }
    );
    // "The sender has become RUNNING": who keeps connection lists learns of it from the node map.
    table.serve<controls::startup>([](const control_request&, none) -> answer<> { return {}; });
}

void serve_recovery(control_table& table, node& n) {
    table.serve<controls::get_vnn_map>(
        [&n](const control_request&, none) -> answer<protocol::vnn_map> {
            return n.current_epoch().vnn_map();
        }
    );
    table.serve<controls::set_vnn_map>([&n](const control_request&, const protocol::vnn_map& map) {
        return n.set_vnn_map(map);
    });
    table.serve<controls::get_recovery_mode>(
        [&n](const control_request&, none) -> answer<status_value> {
            return status_value{n.current_epoch().recovering() ? 1 : 0};
        }
    );
    table.serve_later<controls::set_recovery_mode>([&n](
                                                       const control_request& request,
                                                       protocol::recovery_mode wanted,
                                                       const recovery_mode_reply& reply
                                                   ) {
        if (wanted != protocol::recovery_mode::active) {
            go_normal(n, request.origin.node, reply);
            return;
        }
        const answer<> outcome = n.set_recovery_mode(protocol::recovery_mode::active);
        if (request.origin.is_local_client()) {
            n.leadership().wake_leader(); // `ctdb recover`
        }
        reply(outcome);
    });
    table.serve_later<controls::start_recovery>(
        [&n](
            const control_request& request, none, const reply_to<controls::start_recovery>& reply
        ) { n.background().spawn(start_recovery(n, request.origin.node, reply)); }
    );
    table.serve_later<controls::end_recovery>(
        [&n](const control_request&, none, const reply_to<controls::end_recovery>& reply) {
            n.background().spawn(end_recovery(n, reply));
        }
    );
}

} // namespace

void serve_cluster_controls(control_table& table, node& n) {
    serve_own_flags(table, n);
    serve_membership(table, n);
    serve_recovery(table, n);
}

} // namespace ctdb::ctdbd
