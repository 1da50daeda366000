// Controls about this daemon: processes, counters, tunables, log level, times.

#include "common/base/log.hpp"
#include "common/protocol/controls.hpp"
#include "ctdbd/node.hpp"

namespace ctdb::ctdbd {

namespace {

namespace controls = protocol::controls;
using protocol::none;
using protocol::status_value;

constexpr status_value yes{0};
constexpr status_value no{-1};

// An inactive node shakes off whoever is asked about: stale owners must not look alive
// (cluster.md 9.4).
answer<status_value> process_exists(node& n, std::int32_t pid) {
    const std::optional<client_id> client = n.clients().client_of(pid);
    if (!client) {
        return no;
    }
    if (n.own().inactive()) {
        n.clients().disconnect(*client, "the node is inactive");
        return no;
    }
    return n.host().process_alive(pid) ? yes : no;
}

answer<> set_tunable(node& n, const protocol::tunable& wanted) {
    const protocol::tunable_info* info = protocol::find_tunable(wanted.name);
    if (info == nullptr) {
        return refuse("unknown tunable \"{}\"", wanted.name);
    }
    n.tunable_values()[info->id] = wanted.value;
    log_notice("tunable {} = {}", info->name, wanted.value);
    n.tunables_changed();
    if (info->obsolete()) {
        return refuse_with(
            protocol::status::obsolete_tunable, "tunable \"{}\" is obsolete", info->name
        );
    }
    return {};
}

answer<std::uint32_t> get_tunable(node& n, const protocol::tunable_name& wanted) {
    const protocol::tunable_info* info = protocol::find_tunable(wanted.name);
    if (info == nullptr) {
        return refuse_with(
            protocol::status::unknown_tunable, "unknown tunable \"{}\"", wanted.name
        );
    }
    return n.tunable_values()[info->id];
}

protocol::var_list tunable_names() {
    protocol::var_list list;
    list.names.emplace_back(); // on the wire the list begins with a colon (wire-protocol.md 3.2)
    for (const protocol::tunable_info& info : protocol::listed_tunables()) {
        list.names.emplace_back(info.name);
    }
    return list;
}

void serve_counters(control_table& table, node& n) {
    table.serve<controls::get_statistics>(
        [&n](const control_request&, none) -> answer<protocol::statistics> {
            return n.statistics();
        }
    );
    table.serve<controls::reset_statistics>([&n](const control_request&, none) -> answer<> {
        n.reset_statistics();
        return {};
    });
    table.serve<controls::get_stat_history>(
        [&n](const control_request&, none) -> answer<protocol::statistics_list> {
            return n.history().list();
        }
    );
    table.serve<controls::ping>([&n](const control_request&, none) -> answer<status_value> {
        return status_value{static_cast<std::int32_t>(n.clients().count())};
    });
    table.serve<controls::dump_memory>(
        [&n](const control_request&, none) -> answer<protocol::plain_text> {
            return protocol::plain_text{n.host().memory_report()};
        }
    );
}

void serve_tunables(control_table& table, node& n) {
    table.serve<controls::set_tunable>([&n](const control_request&, const protocol::tunable& t) {
        return set_tunable(n, t);
    });
    table.serve<controls::get_tunable>(
        [&n](const control_request&, const protocol::tunable_name& t) { return get_tunable(n, t); }
    );
    table.serve<controls::list_tunables>(
        [](const control_request&, none) -> answer<protocol::var_list> { return tunable_names(); }
    );
    table.serve<controls::get_all_tunables>(
        [&n](const control_request&, none) -> answer<protocol::tunable_list> {
            return n.tunable_values();
        }
    );
}

} // namespace

void serve_daemon_controls(control_table& table, node& n) {
    serve_counters(table, n);
    serve_tunables(table, n);
    table.serve<controls::process_exists>([&n](const control_request&, std::int32_t pid) {
        return process_exists(n, pid);
    });
    table.serve<controls::get_debug>([&n](const control_request&, none) -> answer<std::int32_t> {
        return n.host().log_level();
    });
    table.serve<controls::set_debug>([&n](const control_request&, std::int32_t level) -> answer<> {
        n.host().set_log_level(level);
        return {};
    });
    table.serve<controls::get_pid>([&n](const control_request&, none) -> answer<status_value> {
        return status_value{n.host().process_id()};
    });
    table.serve<controls::get_pnn>([&n](const control_request&, none) -> answer<status_value> {
        return status_value{static_cast<std::int32_t>(n.table().self().value)};
    });
    table.serve<controls::shutdown>([&n](const control_request& request, none) -> answer<> {
        n.host().shut_down(0, fmt::format("asked for by node {}", request.origin.node));
        return {};
    });
    table.serve<controls::get_uptime>(
        [&n](const control_request&, none) -> answer<protocol::uptime> { return n.uptime(); }
    );
    table.serve<controls::get_run_state>(
        [&n](const control_request&, none) -> answer<protocol::run_state> { return n.state(); }
    );
    table.serve<controls::echo>(
        [](const control_request&, const protocol::echo_data& data) -> answer<protocol::echo_data> {
            return data;
        }
    );
    // Upstream's recovery daemon reports to its main daemon with these; ours is part of ctdbd.
    table.serve<controls::recd_ping>([](const control_request&, none) -> answer<> { return {}; });
    table.serve<controls::report_lock_latency>([&n](const control_request&, double s) -> answer<> {
        n.routes().counters().reclock_recovery.add(s);
        return {};
    });
}

} // namespace ctdb::ctdbd
