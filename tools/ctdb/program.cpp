#include "program.hpp"

#include "commands.hpp"
#include "common/base/ensure.hpp"

#include <algorithm>
#include <array>

namespace ctdb::tool {

namespace {

using cmdline::argument;
using cmdline::command;
using cmdline::option;
using cmdline::option_group;

constexpr int many = cmdline::any_number;

option_group tool_options() {
    option_group group;
    group.options = {
        {"debug", "debug", 'd', argument::text, "STRING", "debug level"},
        {"timelimit", "timelimit", 't', argument::integer, "INT", "timelimit (in seconds)"},
        {"node", "node", 'n', argument::integer, "INT", "node specification - integer"},
        {"machine", "", 'Y', argument::none, "", "enable machine readable output"},
        {"separator",
         "separator",
         'x',
         argument::text,
         "CHAR",
         "specify separator for machine readable output"},
        {"parsable",
         "",
         'X',
         argument::none,
         "",
         "enable machine parsable output with separator |"},
        {"verbose", "verbose", 'v', argument::none, "", "enable verbose output"},
        {"maxruntime",
         "maxruntime",
         'T',
         argument::integer,
         "INT",
         "die if runtime exceeds this limit (in seconds)"},
        {"json", "json", 'j', argument::none, "", "answer with one JSON object", true},
        {"jsonl",
         "jsonl",
         '\0',
         argument::none,
         "",
         "answer with JSON, an object per line: dumps give one per record",
         true},
    };
    group.usage_rank = 2;
    return group;
}

// Name, arguments, help, their least and greatest number; texts are upstream's, typing errors
// included.
std::vector<command> commands() {
    return {
        {"version", "", "show version of ctdb", 0, many},
        {"status", "", "show node status"},
        {"uptime", "", "show node uptime", 0, many},
        {"ping", "", "ping a node", 0, many},
        {"runstate",
         "[setup|first_recovery|startup|running]",
         "get/check runstate of a node",
         0,
         many},
        {"getvar", "<name>", "get a tunable variable", 1, 1},
        {"setvar", "<name> <value>", "set a tunable variable", 2, 2},
        {"listvars", "", "list tunable variables"},
        {"statistics", "", "show ctdb statistics"},
        {"statisticsreset", "", "reset ctdb statistics"},
        {"stats", "[count]", "show rolling statistics", 0, 1},
        {"ip", "[all]", "show public ips", 0, 1},
        {"ipinfo", "<ip>", "show public ip details", 1, 1},
        {"ifaces", "", "show interfaces"},
        {"setifacelink", "<iface> up|down", "set interface link status", 2, 2},
        {"process-exists", "<pid> [<srvid>]", "check if a process exists on a node", 1, 2},
        {"getdbmap", "", "show attached databases"},
        {"getdbstatus", "<dbname|dbid>", "show database status", 1, 1},
        {"catdb", "<dbname|dbid>", "dump cluster-wide ctdb database", 1, 1},
        {"cattdb", "<dbname|dbid>", "dump local ctdb database", 1, 1},
        {"getcapabilities", "", "show node capabilities"},
        {"pnn", "", "show the pnn of the currnet node", 0, many},
        {"lvs", "leader|list|status", "show lvs configuration", 1, 1},
        {"setdebug", "ERROR|WARNING|NOTICE|INFO|DEBUG", "set debug level", 1, 1},
        {"getdebug", "", "get debug level"},
        {"attach", "<dbname> [persistent|replicated]", "attach a database", 1, 2},
        {"detach", "<dbname|dbid> ...", "detach database(s)", 1, many},
        {"dumpmemory", "", "dump ctdbd memory map", 0, many},
        {"rddumpmemory", "", "dump recoverd memory map", 0, many},
        {"getpid", "", "get ctdbd process ID", 0, many},
        {"disable", "", "disable a node"},
        {"enable", "", "enable a node"},
        {"stop", "", "stop a node"},
        {"continue", "", "continue a stopped node"},
        {"ban", "<bantime>", "ban a node", 1, 1},
        {"unban", "", "unban a node"},
        {"shutdown", "", "shutdown ctdb daemon"},
        {"recover", "", "force recovery"},
        {"sync", "", "run ip reallocation (deprecated)"},
        {"ipreallocate", "", "run ip reallocation"},
        {"gratarp", "<ip> <interface>", "send a gratuitous arp", 2, 2},
        {"tickle", "<srcip:port> <dstip:port>", "send a tcp tickle ack", 0, 2},
        {"gettickles", "<ip> [<port>]", "get the list of tickles", 1, 2},
        {"addtickle", "<ip>:<port> <ip>:<port>", "add a tickle", 0, 2},
        {"deltickle", "<ip>:<port> <ip>:<port>", "delete a tickle", 0, 2},
        {"listnodes", "", "list nodes in the cluster"},
        {"reloadnodes", "", "reload the nodes file all nodes", 0, many},
        {"moveip", "<ip> <node>", "move an ip address to another node", 2, 2},
        {"addip", "<ip/mask> <iface>", "add an ip address to a node", 2, 2},
        {"delip", "<ip>", "delete an ip address from a node", 1, 1},
        {"backupdb", "<dbname|dbid> <file>", "backup a database into a file", 2, 2},
        {"restoredb", "<file> [dbname]", "restore a database from a file", 1, 2},
        {"dumpdbbackup", "<file>", "dump database from a backup file", 1, 1, true},
        {"wipedb", "<dbname|dbid>", "wipe the contents of a database.", 1, 1},
        {"leader", "", "show the pnn of the leader", 0, many},
        {"event", "", "event and event script commands", 0, many},
        {"scriptstatus",
         "[init|setup|startup|monitor|takeip|releaseip|ipreallocated]",
         "show event script status",
         0,
         1},
        {"natgw", "leader|list|status", "show natgw configuration", 1, 1},
        {"getreclock", "", "get recovery lock file"},
        {"setlmasterrole", "on|off", "set LMASTER role", 1, 1},
        {"setleaderrole", "on|off", "set LEADER role", 1, 1},
        {"setdbreadonly", "<dbname|dbid>", "enable readonly records", 1, 1},
        {"setdbsticky", "<dbname|dbid>", "enable sticky records", 1, 1},
        {"pfetch", "<dbname|dbid> <key>", "fetch record from persistent database", 2, 2},
        {"pstore", "<dbname|dbid> <key> <value>", "write record to persistent database", 3, 3},
        {"pdelete", "<dbname|dbid> <key>", "delete record from persistent database", 2, 2},
        {"ptrans",
         "<dbname|dbid> [<file>]",
         "update a persistent database (from file or stdin)",
         1,
         2},
        {"tfetch", "<tdb-file> <key> [<file>]", "fetch a record", 2, 3},
        {"tstore", "<tdb-file> <key> <data> [<rsn> <dmaster> <flags>]", "store a record", 3, 5},
        {"readkey", "<dbname|dbid> <key> [readonly]", "read value of a database key", 2, 3},
        {"writekey", "<dbname|dbid> <key> <value>", "write value for a database key", 3, 3},
        {"deletekey", "<dbname|dbid> <key>", "delete a database key", 2, 2},
        {"pushrecord",
         "<dbname|dbid> <key> <value>",
         "write value for a database key and give all nodes a copy",
         3,
         3,
         false,
         true},
        {"checktcpport",
         "<port>",
         "check if a service is bound to a specific tcp port or not",
         1,
         1,
         true},
        {"getdbseqnum", "<dbname|dbid>", "get database sequence number", 1, 1},
        {"nodestatus", "[all|<pnn-list>]", "show and return node status", 0, 1},
        {"dbstatistics", "<dbname|dbid>", "show database statistics", 1, 1},
        {"reloadips", "[all|<pnn-list>]", "reload the public addresses file", 0, 1},
    };
}

cmdline::program make_table() {
    cmdline::program made;
    made.name = "ctdb";
    made.looks = cmdline::style::tool;
    made.groups = {tool_options(), cmdline::help_and_usage()};
    made.commands = commands();
    return made;
}

using enum reach;

constexpr std::array actions{
    action{"version", local, version},
    action{"status", any_nodes, status},
    action{"uptime", any_nodes, uptime_command},
    action{"ping", any_nodes, ping_command},
    action{"runstate", any_nodes, run_state_command},
    action{"getvar", any_nodes, getvar},
    action{"setvar", any_node, setvar},
    action{"listvars", any_nodes, listvars},
    action{"statistics", any_nodes, statistics_command},
    action{"statisticsreset", any_node, statistics_reset},
    action{"stats", any_nodes, stats_command},
    action{"dbstatistics", any_nodes, dbstatistics},
    action{"dumpmemory", any_nodes, dumpmemory},
    action{"rddumpmemory", any_nodes, rddumpmemory},
    action{"gettickles", any_nodes, gettickles},
    action{"addtickle", any_node, addtickle},
    action{"deltickle", any_node, deltickle},
    action{"reloadnodes", own_node, reloadnodes},
    action{"backupdb", own_node, backupdb},
    action{"restoredb", own_node, restoredb},
    action{"wipedb", own_node, wipedb},
    action{"detach", own_node, detach},
    action{"pushrecord", own_node, pushrecord},
    action{"ip", any_nodes, ip},
    action{"ipinfo", any_nodes, ipinfo},
    action{"ifaces", any_nodes, ifaces},
    action{"process-exists", any_nodes, process_exists},
    action{"getdbmap", any_nodes, getdbmap},
    action{"getdbstatus", any_nodes, getdbstatus},
    action{"catdb", own_node, catdb},
    action{"cattdb", own_node, cattdb},
    action{"getcapabilities", any_nodes, getcapabilities},
    action{"pnn", own_node, pnn_command},
    action{"setdebug", any_node, setdebug},
    action{"getdebug", any_nodes, getdebug},
    action{"attach", own_node, attach},
    action{"getpid", any_nodes, getpid_command},
    action{"disable", any_node, disable},
    action{"enable", any_node, enable},
    action{"stop", any_node, stop},
    action{"continue", any_node, continue_command},
    action{"ban", any_node, ban},
    action{"unban", any_node, unban},
    action{"shutdown", any_node, shutdown_command},
    action{"recover", any_node, recover},
    action{"sync", any_node, ipreallocate},
    action{"ipreallocate", any_node, ipreallocate},
    action{"listnodes", local, listnodes},
    action{"leader", any_nodes, leader_command},
    action{"event", local, event},
    action{"scriptstatus", local, scriptstatus},
    action{"getreclock", any_nodes, getreclock},
    action{"setlmasterrole", any_node, setlmasterrole},
    action{"setleaderrole", any_node, setleaderrole},
    action{"setdbreadonly", any_node, setdbreadonly},
    action{"setdbsticky", any_node, setdbsticky},
    action{"pfetch", own_node, pfetch},
    action{"pstore", own_node, pstore},
    action{"pdelete", own_node, pdelete},
    action{"ptrans", own_node, ptrans},
    action{"tfetch", any_node, tfetch},
    action{"tstore", any_node, tstore},
    action{"readkey", own_node, readkey},
    action{"writekey", own_node, writekey},
    action{"deletekey", own_node, deletekey},
    action{"getdbseqnum", own_node, getdbseqnum},
    action{"nodestatus", any_nodes, nodestatus},
    action{"checktcpport", local, checktcpport},
    action{"dumpdbbackup", local, dumpdbbackup},
    action{"tickle", local, nullptr},
};
constexpr action missing{"", any_node, nullptr};

} // namespace

const cmdline::program& table() {
    static const cmdline::program made = make_table();
    return made;
}

const cmdline::program& table_with_lists() {
    static const cmdline::program made = [] {
        cmdline::program p = make_table();
        for (option& o : p.groups.front().options) {
            if (o.id == "node") {
                o.id = "nodes";
                o.takes = argument::text;
            }
        }
        return p;
    }();
    return made;
}

const action& action_of(std::string_view command) {
    const auto found = std::find_if(actions.begin(), actions.end(), [&](const action& a) {
        return a.name == command;
    });
    return found == actions.end() ? missing : *found;
}

} // namespace ctdb::tool
