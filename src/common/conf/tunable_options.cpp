// One line for each tunable that does something; the obsolete and unused ones can only be set by
// name.
#include "common/conf/tunable_options.hpp"

#include <array>

namespace ctdb::conf {

namespace {

struct range {
    int minimum = 0;
    int maximum = INT32_MAX;
};

constexpr option number(
    std::string_view section,
    std::string_view key,
    std::string_view tunable,
    std::string_view default_text,
    range allowed,
    std::string_view explanation
) {
    option made{.section = section, .key = key};
    made.type = option_type::integer;
    made.default_text = default_text;
    made.effect = takes_effect::on_reload;
    made.since = "ours";
    made.explanation = explanation;
    made.minimum = allowed.minimum;
    made.maximum = allowed.maximum;
    made.tunable = tunable;
    return made;
}

constexpr option yes_no(
    std::string_view section,
    std::string_view key,
    std::string_view tunable,
    std::string_view default_text,
    std::string_view explanation
) {
    option made = number(section, key, tunable, default_text, range{}, explanation);
    made.type = option_type::boolean;
    return made;
}

// Intervals and limits have a floor of 1: zero would spin (cluster.md W66).
constexpr range any{};
constexpr range above_zero{1, INT32_MAX};
constexpr range algorithms{0, 2};

// clang-format off
constexpr std::array table{
    number("cluster", "control timeout", "ControlTimeout", "60", any,
        "Seconds after which a control to another node has failed. 0: never."),
    number("cluster", "keepalive interval", "KeepaliveInterval", "5", above_zero,
        "Seconds between two signs of life to an upstream node."),
    number("cluster", "keepalive limit", "KeepaliveLimit", "5", above_zero,
        "Silent intervals after which an upstream node counts as dead."),
    number("cluster", "recover timeout", "RecoverTimeout", "30", above_zero,
        "Seconds for each step of a recovery."),
    number("cluster", "recover interval", "RecoverInterval", "1", above_zero,
        "Seconds between two looks of the leader at the cluster."),
    number("cluster", "election timeout", "ElectionTimeout", "3", above_zero,
        "Seconds an election without cluster lock lasts after the last vote."),
    number("cluster", "recovery grace period", "RecoveryGracePeriod", "120", above_zero,
        "Seconds after which failures of a node are forgiven."),
    number("cluster", "recovery ban period", "RecoveryBanPeriod", "300", above_zero,
        "Seconds a misbehaving node is banned."),
    number("cluster", "rerecovery timeout", "RerecoveryTimeout", "10", any,
        "Seconds after a recovery in which no other is started."),
    yes_no("cluster", "enable bans", "EnableBans", "true",
        "Whether nodes can be banned at all."),
    number("cluster", "recovery ping timeout", "RecdPingTimeout", "60", any,
        "Seconds the leader logic may be silent. 0: for ever."),
    number("cluster", "recovery fail count", "RecdFailCount", "10", any,
        "Missed pings after which the leader logic is restarted."),
    number("cluster", "cluster lock latency", "RecLockLatencyMs", "1000", any,
        "Log operations on the cluster lock slower than this many milliseconds. 0: never."),
    yes_no("cluster", "verbose memory names", "VerboseMemoryNames", "false",
        "Descriptive names in memory reports."),
    number("cluster", "statistics interval", "StatHistoryInterval", "1", above_zero,
        "Seconds of one line of the statistics history."),
    number("cluster", "maximum queued messages", "MaxQueueDropMsg", "1000000", any,
        "Packets waiting for a client that does not read, beyond which it is disconnected."),
    number("cluster", "queue buffer size", "QueueBufferSize", "1024", any,
        "Bytes of the first buffer of a connection."),
    yes_no("cluster", "allow mixed versions", "AllowMixedVersions", "false",
        "Accept nodes of another version."),
    number("database", "sequence number interval", "SeqnumInterval", "1000", any,
        "Milliseconds before other nodes are told that a database changed."),
    number("database", "traverse timeout", "TraverseTimeout", "20", above_zero,
        "Seconds after which a traverse of a database is given up."),
    number("database", "hash size", "DatabaseHashSize", "100001", above_zero,
        "Hash chains of newly created databases."),
    number("database", "maximum dead records", "DatabaseMaxDead", "5", any,
        "Upstream keeps so many deleted records in a chain for reuse; without effect here."),
    number("database", "latency", "LogLatencyMs", "0", any,
        "Log database operations slower than this many milliseconds. 0: never."),
    number("database", "vacuum interval", "VacuumInterval", "10", above_zero,
        "Seconds between two vacuum runs."),
    number("database", "vacuum maximum run time", "VacuumMaxRunTime", "120", above_zero,
        "Seconds after which a vacuum run is stopped."),
    number("database", "vacuum fast path count", "VacuumFastPathCount", "60", any,
        "Every this many vacuum runs the whole database is looked at."),
    number("database", "repack limit", "RepackLimit", "10000", any,
        "Free list length from which a database is rewritten."),
    yes_no("database", "allow unhealthy read", "AllowUnhealthyDBRead", "false",
        "Let damaged persistent databases be traversed."),
    number("database", "deferred attach timeout", "DeferredAttachTO", "120", above_zero,
        "Seconds a client waits to be attached during a recovery."),
    yes_no("database", "allow client attach", "AllowClientDBAttach", "true",
        "Whether clients may attach databases; databases can only be detached while not."),
    yes_no("database", "fetch collapse", "FetchCollapse", "true",
        "Ask another node only once for a record that several clients want."),
    number("database", "sticky hop count", "HopcountMakeSticky", "50", any,
        "Hops after which a record of a sticky database stays."),
    number("database", "sticky duration", "StickyDuration", "600", any,
        "Seconds a record is sticky."),
    number("database", "sticky pindown", "StickyPindown", "200", any,
        "Milliseconds a sticky record stays after it has come."),
    number("database", "lock processes", "LockProcessesPerDB", "200", above_zero,
        "Most helpers waiting for locks of one database."),
    number("database", "record buffer size", "RecBufferSizeLimit", "1000000", above_zero,
        "Bytes of records sent at once in recovery and vacuum."),
    number("event", "timeout", "EventScriptTimeout", "30", above_zero,
        "Seconds for one event, all its scripts together."),
    number("service", "monitor interval", "MonitorInterval", "15", above_zero,
        "Largest number of seconds between two monitor events."),
    number("service", "monitor timeout count", "MonitorTimeoutCount", "20", above_zero,
        "Monitor events in a row that may exceed their time before the node is unhealthy."),
    number("failover", "takeover timeout", "TakeoverTimeout", "9", above_zero,
        "Seconds for one phase of a failover run with upstream nodes."),
    number("failover", "tickle update interval", "TickleUpdateInterval", "20", above_zero,
        "Seconds between two updates of the lists of connections on other nodes."),
    yes_no("failover", "no failback", "NoIPFailback", "false",
        "Do not move addresses back to a node that became healthy."),
    yes_no("failover", "no takeover", "NoIPTakeover", "false",
        "Do not give addresses to nodes that do not have them."),
    number("failover", "drop all addresses", "RecoveryDropAllIPs", "120", any,
        "Seconds in recovery after which a node drops all its addresses."),
    number("failover", "allocation algorithm", "IPAllocAlgorithm", "2", algorithms,
        "How addresses are spread. 0: by a fixed rule; 1: few moves; 2: even in each network."),
};
// clang-format on

} // namespace

std::span<const option> tunable_options() noexcept {
    return table;
}

} // namespace ctdb::conf
