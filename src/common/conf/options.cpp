// The table of ctdb.conf. Order: sections as upstream dumps them, options as upstream has them,
// then ours.
#include "common/conf/options.hpp"

#include "common/conf/checks.hpp"
#include "common/conf/tunable_options.hpp"

#include <algorithm>
#include <array>

#include <strings.h>

namespace ctdb::conf {

namespace options {

constexpr auto integer = option_type::integer;
constexpr auto boolean = option_type::boolean;
constexpr auto on_reload = takes_effect::on_reload;

// --- [logging]
constinit const string_option log_location{
    {.section = "logging",
     .key = "location",
     .default_text = "file:{log}/log.ctdb",
     .explanation =
         "Where log lines go. file:PATH appends to a file (the whole rest is the path), file: or "
         "file:- is standard "
         "error; syslog is the system log; syslog:nonblocking writes to /dev/log without ever "
         "waiting and counts what "
         "did not fit; syslog:udp and syslog:udp-rfc5424 send to port 514 of this machine.",
     .check = checks::location}};
constinit const string_option log_level_name{
    {.section = "logging",
     .key = "log level",
     .default_text = "NOTICE",
     .effect = on_reload,
     .explanation = "What is logged: ERROR, WARNING, NOTICE, INFO or DEBUG and all above it. A "
                    "prefix of a name or a number "
                    "from 0 to 10 will do.",
     .check = checks::level}};

// --- [cluster]
constinit const string_option transport{
    {.section = "cluster",
     .key = "transport",
     .default_text = "tcp",
     .explanation = "How nodes talk to each other. There is only tcp.",
     .check = checks::transport}};
constinit const string_option node_address{
    {.section = "cluster",
     .key = "node address",
     .explanation =
         "The private address of this node, without port. Only needed where several addresses of "
         "the nodes list are "
         "on one machine; otherwise it is the one address of the list that can be bound.",
     .check = checks::address}};
constinit const string_option cluster_lock{
    {.section = "cluster",
     .key = "cluster lock",
     .since = "4.16",
     .explanation = "The lock that only the leader holds: it keeps a divided cluster from going on "
                    "in two halves. A file on the "
                    "cluster file system, or ! and a helper program with its arguments (no shell, "
                    "no quoting).",
     .check = checks::program}};
constinit const string_option recovery_lock{
    {.section = "cluster",
     .key = "recovery lock",
     .explanation = "Old name of cluster lock; used if that is not set.",
     .check = checks::program,
     .replaced_by = "cluster lock"}};
constinit const integer_option leader_timeout{
    {.section = "cluster",
     .key = "leader timeout",
     .type = integer,
     .default_text = "5",
     .effect = on_reload,
     .since = "4.16",
     .explanation = "Seconds without a sign of the leader before the others elect a new one.",
     .check = checks::above_zero}};
constinit const boolean_option leader_capability{
    {.section = "cluster",
     .key = "leader capability",
     .type = boolean,
     .default_text = "true",
     .effect = on_reload,
     .since = "4.16",
     .explanation = "Whether this node may be leader."}};
constinit const string_option nodes_list{
    {.section = "cluster",
     .key = "nodes list",
     .since = "4.22",
     .explanation = "Where the list of nodes is if not in the file nodes beside ctdb.conf: another "
                    "file, or ! and a program "
                    "(absolute path, arguments without quoting) that prints it.",
     .check = checks::program}};
constinit const string_option fencing{
    {.section = "cluster",
     .key = "fencing",
     .default_text = "auto",
     .since = "ours",
     .explanation = "Whether a node that lost the cluster lock or the majority gives up its "
                    "addresses and stops serving "
                    "databases by itself. auto: on the lock where one is configured, otherwise on "
                    "the majority of three nodes "
                    "or more. yes: on either. no: never, as upstream.",
     .choices = "auto|yes|no"}};
constinit const integer_option maximum_packet_size{
    {.section = "cluster",
     .key = "maximum packet size",
     .type = integer,
     .default_text = "256",
     .since = "ours",
     .explanation = "Largest packet taken from another node, in MiB. A larger one is refused, "
                    "logged, and the connection closed.",
     .minimum = 1,
     .maximum = 1024}};
constinit const integer_option maximum_client_packet_size{
    {.section = "cluster",
     .key = "maximum client packet size",
     .type = integer,
     .default_text = "64",
     .since = "ours",
     .explanation = "Largest packet taken from a client on this machine, in MiB.",
     .minimum = 1,
     .maximum = 1024}};

// --- [database]
constinit const string_option volatile_database_directory{
    {.section = "database",
     .key = "volatile database directory",
     .default_text = "{var}/volatile",
     .explanation =
         "Databases that need not survive a restart of the cluster. Best on a memory file system.",
     .check = checks::directory}};
constinit const string_option persistent_database_directory{
    {.section = "database",
     .key = "persistent database directory",
     .default_text = "{var}/persistent",
     .explanation = "Databases that must survive. On a local disk of this node, never on the "
                    "cluster file system.",
     .check = checks::directory}};
constinit const string_option state_database_directory{
    {.section = "database",
     .key = "state database directory",
     .default_text = "{var}/state",
     .explanation = "State of the daemons themselves. On a local disk.",
     .check = checks::directory}};
constinit const string_option lock_debug_script{
    {.section = "database",
     .key = "lock debug script",
     .effect = on_reload,
     .explanation = "Script beside ctdb.conf that is run when a database lock cannot be had for a "
                    "long time, to record who holds "
                    "it. Unset: debug_locks.sh if it is there.",
     .check = checks::script}};
constinit const boolean_option tdb_mutexes{
    {.section = "database",
     .key = "tdb mutexes",
     .type = boolean,
     .default_text = "true",
     .explanation =
         "Lock records of volatile databases with robust mutexes instead of file locks, where the "
         "system can. All "
         "processes using the databases must agree: change it only with CTDB and Samba stopped."}};
constinit const string_option persistent_quorum{
    {.section = "database",
     .key = "persistent quorum",
     .default_text = "none",
     .since = "ours",
     .explanation =
         "Who must have a persistent transaction before it counts. none: every active node, "
         "however few, as upstream. "
         "majority: more than half of the nodes of the list, else the transaction is refused. "
         "Reading goes on in either case, since clients read their node's file themselves: what a "
         "minority reads may be older than what the others have.",
     .choices = "none|majority"}};

// --- [event]
constinit const string_option event_debug_script{
    {.section = "event",
     .key = "debug script",
     .effect = on_reload,
     .explanation = "Script beside ctdb.conf that is run when an event script exceeds its time, to "
                    "record what it hangs on.",
     .check = checks::script}};

// --- [service]
constinit const integer_option service_startup_timeout{
    {.section = "service",
     .key = "startup timeout",
     .type = integer,
     .default_text = "300",
     .effect = on_reload,
     .since = "ours",
     .explanation =
         "Seconds for all services of the node to start; also how long one with a damaged "
         "database waits for a healthy node.",
     .minimum = 1}};
constinit const integer_option service_shutdown_timeout{
    {.section = "service",
     .key = "shutdown timeout",
     .type = integer,
     .default_text = "300",
     .effect = on_reload,
     .since = "ours",
     .explanation = "Seconds for all services of the node to stop.",
     .minimum = 1}};
constinit const boolean_option stop_when_inactive{
    {.section = "service",
     .key = "stop when inactive",
     .type = boolean,
     .default_text = "true",
     .effect = on_reload,
     .since = "ours",
     .explanation = "Stop services while the node is stopped or banned. Otherwise they hang on "
                    "frozen databases."}};
constinit const boolean_option monitor_run_all{
    {.section = "service",
     .key = "monitor run all",
     .type = boolean,
     .default_text = "false",
     .effect = on_reload,
     .since = "ours",
     .explanation =
         "Run all monitor scripts although one failed, for a full picture in the status."}};

// --- [failover]
constinit const boolean_option failover_disabled{
    {.section = "failover",
     .key = "disabled",
     .type = boolean,
     .default_text = "false",
     .explanation = "Leave public addresses alone: something else moves them, or there are none."}};
constinit const integer_option shutdown_extra_timeout{
    {.section = "failover",
     .key = "shutdown extra timeout",
     .type = integer,
     .default_text = "0",
     .effect = on_reload,
     .since = "4.23",
     .explanation = "Seconds to wait on shutdown after the addresses have moved, for the grace "
                    "period of NFS elsewhere."}};
constinit const integer_option shutdown_failover_timeout{
    {.section = "failover",
     .key = "shutdown failover timeout",
     .type = integer,
     .default_text = "10",
     .effect = on_reload,
     .since = "4.23",
     .explanation = "Seconds to wait on shutdown for the addresses to move to other nodes."}};
constinit const integer_option failover_monitor_interval{
    {.section = "failover",
     .key = "monitor interval",
     .type = integer,
     .default_text = "15",
     .effect = on_reload,
     .since = "ours",
     .explanation = "Seconds between two looks at what this node could host.",
     .minimum = 1}};
constinit const integer_option address_lease{
    {.section = "failover",
     .key = "address lease",
     .type = integer,
     .default_text = "6",
     .effect = on_reload,
     .since = "ours",
     .explanation = "Seconds the kernel keeps a public address that is no longer renewed. A node "
                    "whose daemons died or hang loses "
                    "its addresses after this time at the latest.",
     .minimum = 2,
     .maximum = 3600}};
constinit const integer_option authority_timeout{
    {.section = "failover",
     .key = "authority timeout",
     .type = integer,
     .default_text = "20",
     .effect = on_reload,
     .since = "ours",
     .explanation = "Seconds without contact to the leader before a node gives up its addresses.",
     .minimum = 1}};
constinit const boolean_option kernel_fence{
    {.section = "failover",
     .key = "kernel fence",
     .type = boolean,
     .default_text = "true",
     .effect = on_reload,
     .since = "ours",
     .explanation = "Have the kernel (nftables tables ctdb and ctdb_alive) stop answering for this "
                    "node's public addresses in the moment failoverd ends, so that another node "
                    "can take them before their lease has ended."}};
constinit const boolean_option probe{
    {.section = "failover",
     .key = "probe",
     .type = boolean,
     .default_text = "true",
     .effect = on_reload,
     .since = "ours",
     .explanation = "Ask the network (ARP, neighbour discovery) whether anybody still answers for "
                    "an address before taking it."}};
constinit const string_option fence_command{
    {.section = "failover",
     .key = "fence command",
     .effect = on_reload,
     .since = "ours",
     .explanation = "Program with arguments that makes sure a node is off, called with its number; "
                    "success counts as proof that "
                    "its addresses are free."}};
constinit const integer_option prepare_timeout{
    {.section = "failover",
     .key = "prepare timeout",
     .type = integer,
     .default_text = "5",
     .effect = on_reload,
     .since = "ours",
     .explanation = "Seconds for the phase prepare of a failover run.",
     .minimum = 1}};
constinit const integer_option release_timeout{
    {.section = "failover",
     .key = "release timeout",
     .type = integer,
     .default_text = "10",
     .effect = on_reload,
     .since = "ours",
     .explanation = "Seconds for the phase release of a failover run.",
     .minimum = 1}};
constinit const integer_option take_timeout{
    {.section = "failover",
     .key = "take timeout",
     .type = integer,
     .default_text = "10",
     .effect = on_reload,
     .since = "ours",
     .explanation = "Seconds for the phase take of a failover run.",
     .minimum = 1}};
constinit const integer_option finalise_timeout{
    {.section = "failover",
     .key = "finalise timeout",
     .type = integer,
     .default_text = "30",
     .effect = on_reload,
     .since = "ours",
     .explanation = "Seconds for the phase finalise of a failover run.",
     .minimum = 1}};
constinit const string_option announce{
    {.section = "failover",
     .key = "announce",
     .default_text = "auto",
     .effect = on_reload,
     .since = "ours",
     .explanation = "When a taken address is made known to the network. early: as soon as it is "
                    "configured. late: after the take "
                    "hooks of the services. auto: late if a service has such a hook.",
     .choices = "auto|early|late"}};
constinit const integer_option failback_delay{
    {.section = "failover",
     .key = "failback delay",
     .type = integer,
     .default_text = "0",
     .effect = on_reload,
     .since = "ours",
     .explanation = "Seconds a node must be healthy before addresses are moved back to it."}};
constinit const boolean_option event_driven_monitoring{
    {.section = "failover",
     .key = "event driven monitoring",
     .type = boolean,
     .default_text = "true",
     .effect = on_reload,
     .since = "ours",
     .explanation = "React to changes of links and addresses when the kernel reports them, not "
                    "only at the next look."}};
constinit const integer_option ban_threshold{
    {.section = "failover",
     .key = "ban threshold",
     .type = integer,
     .default_text = "6",
     .effect = on_reload,
     .since = "ours",
     .explanation = "Failure points of a node in failover runs after which the leader has it "
                    "banned. 0: never."}};

// --- [legacy]
constinit const boolean_option realtime_scheduling{
    {.section = "legacy",
     .key = "realtime scheduling",
     .type = boolean,
     .default_text = "true",
     .effect = on_reload,
     .explanation = "Run the cluster daemon ahead of everything else on the machine."}};
constinit const boolean_option lmaster_capability{
    {.section = "legacy",
     .key = "lmaster capability",
     .type = boolean,
     .default_text = "true",
     .effect = on_reload,
     .explanation = "Whether this node keeps track of where records are. No only for nodes behind "
                    "a slow link."}};
constinit const boolean_option start_as_stopped{
    {.section = "legacy",
     .key = "start as stopped",
     .type = boolean,
     .default_text = "false",
     .effect = on_reload,
     .explanation = "Start as a stopped node: no addresses, no databases, until ctdb continue."}};
constinit const boolean_option start_as_disabled{
    {.section = "legacy",
     .key = "start as disabled",
     .type = boolean,
     .default_text = "false",
     .effect = on_reload,
     .explanation = "Start as a disabled node: no addresses until ctdb enable."}};
constinit const string_option script_log_level{
    {.section = "legacy",
     .key = "script log level",
     .default_text = "ERROR",
     .effect = on_reload,
     .explanation =
         "Level at which output of helpers and scripts run by the cluster daemon is logged.",
     .check = checks::script_level}};

} // namespace options

namespace {

namespace o = options;

constexpr std::array named_options = std::to_array<const option*>({
    &o::log_location,
    &o::log_level_name,
    &o::transport,
    &o::node_address,
    &o::cluster_lock,
    &o::recovery_lock,
    &o::leader_timeout,
    &o::leader_capability,
    &o::nodes_list,
    &o::fencing,
    &o::maximum_packet_size,
    &o::maximum_client_packet_size,
    &o::volatile_database_directory,
    &o::persistent_database_directory,
    &o::state_database_directory,
    &o::lock_debug_script,
    &o::tdb_mutexes,
    &o::persistent_quorum,
    &o::event_debug_script,
    &o::service_startup_timeout,
    &o::service_shutdown_timeout,
    &o::stop_when_inactive,
    &o::monitor_run_all,
    &o::failover_disabled,
    &o::shutdown_extra_timeout,
    &o::shutdown_failover_timeout,
    &o::failover_monitor_interval,
    &o::address_lease,
    &o::authority_timeout,
    &o::kernel_fence,
    &o::probe,
    &o::fence_command,
    &o::prepare_timeout,
    &o::release_timeout,
    &o::take_timeout,
    &o::finalise_timeout,
    &o::announce,
    &o::failback_delay,
    &o::event_driven_monitoring,
    &o::ban_threshold,
    &o::realtime_scheduling,
    &o::lmaster_capability,
    &o::start_as_stopped,
    &o::start_as_disabled,
    &o::script_log_level,
});

constexpr std::array<std::string_view, 7> section_order{
    "logging", "cluster", "database", "event", "service", "failover", "legacy"};

bool same_section(std::string_view a, std::string_view b) noexcept {
    return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::size_t section_index(std::string_view name) noexcept {
    std::size_t i = 0;
    while (i < section_order.size() && !same_section(section_order.at(i), name)) {
        ++i;
    }
    return i;
}

// Each section: its own options, then those that mirror tunables.
std::vector<const option*> sorted_options() {
    std::vector<const option*> all(named_options.begin(), named_options.end());
    for (const option& mirrored : tunable_options()) {
        all.push_back(&mirrored);
    }
    std::stable_sort(all.begin(), all.end(), [](const option* a, const option* b) {
        return section_index(a->section) < section_index(b->section);
    });
    return all;
}

void replace(std::string& text, std::string_view name, std::string_view value) {
    if (const std::size_t at = text.find(name); at != std::string::npos) {
        text.replace(at, name.size(), value);
    }
}

} // namespace

std::span<const option* const> all_options() noexcept {
    static const std::vector<const option*> all = sorted_options();
    return all;
}

const option* find_option(std::string_view section, std::string_view key) noexcept {
    for (const option* each : all_options()) {
        if (each->key == key && same_section(each->section, section)) {
            return each;
        }
    }
    return nullptr;
}

bool is_section(std::string_view name) noexcept {
    return section_index(name) < section_order.size();
}

std::string default_value(const option& which, const path::paths& where) {
    std::string text(which.default_text);
    replace(text, "{var}", where.var);
    replace(text, "{log}", where.log);
    return text;
}

} // namespace ctdb::conf
