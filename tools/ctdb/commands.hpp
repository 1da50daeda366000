// The commands, by family: one file each. The int is the exit status before main() trims it.
#pragma once

#include "common/async/task.hpp"

namespace ctdb::tool {

class context;
using run = async::task<int>;

// state.cpp
run version(context& ctx);
run pnn_command(context& ctx);
run leader_command(context& ctx);
run run_state_command(context& ctx);
run uptime_command(context& ctx);
run ping_command(context& ctx);
run getpid_command(context& ctx);
run getcapabilities(context& ctx);
run getreclock(context& ctx);
run process_exists(context& ctx);

// nodes.cpp
run status(context& ctx);
run nodestatus(context& ctx);
run listnodes(context& ctx);

// tunables.cpp
run getvar(context& ctx);
run setvar(context& ctx);
run listvars(context& ctx);
run getdebug(context& ctx);
run setdebug(context& ctx);

// statistics.cpp
run statistics_command(context& ctx);
run statistics_reset(context& ctx);
run stats_command(context& ctx);
run dbstatistics(context& ctx);

// memory.cpp
run dumpmemory(context& ctx);
run rddumpmemory(context& ctx);

// tickles.cpp
run gettickles(context& ctx);
run addtickle(context& ctx);
run deltickle(context& ctx);
run checktcpport(context& ctx);

// reloadnodes.cpp
run reloadnodes(context& ctx);

// backups.cpp
run backupdb(context& ctx);
run restoredb(context& ctx);
run dumpdbbackup(context& ctx);
run wipedb(context& ctx);

// detach.cpp
run detach(context& ctx);

// membership.cpp
run disable(context& ctx);
run enable(context& ctx);
run stop(context& ctx);
run continue_command(context& ctx);
run ban(context& ctx);
run unban(context& ctx);
run shutdown_command(context& ctx);
run recover(context& ctx);
run ipreallocate(context& ctx);
run setlmasterrole(context& ctx);
run setleaderrole(context& ctx);

// addresses.cpp
run ip(context& ctx);
run ipinfo(context& ctx);
run ifaces(context& ctx);

// databases.cpp
run getdbmap(context& ctx);
run getdbstatus(context& ctx);
run attach(context& ctx);
run catdb(context& ctx);
run cattdb(context& ctx);
run getdbseqnum(context& ctx);
run setdbreadonly(context& ctx);
run setdbsticky(context& ctx);

// records.cpp
run readkey(context& ctx);
run writekey(context& ctx);
run deletekey(context& ctx);
run pushrecord(context& ctx);
run tfetch(context& ctx);
run tstore(context& ctx);

// persistent.cpp
run pfetch(context& ctx);
run pstore(context& ctx);
run pdelete(context& ctx);
run ptrans(context& ctx);

// events.cpp
run event(context& ctx);
run scriptstatus(context& ctx);

} // namespace ctdb::tool
