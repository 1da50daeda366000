# Command lines for tool_test: same NODE ARGS..., both_ways NODE ARGS... -- ARGS...
# shellcheck shell=sh disable=SC2154 # work is tool_test's

# options and usage
same 0
same 0 --help
same 0 -?
same 0 --usage
same 0 -h
same 0 nosuch
same 0 --bogus status
same 0 -n abc status
same 0 -n 0,1 status
same 0 -n all status
same 0 -n 9 status
same 0 -n -1 pnn
same 0 -n 1 pnn
same 0 -n 0 pnn
same 0 -n
same 0 -t abc ping
same 0 -n 1 version
same 0 status extra
same 0 getvar
same 0 ban
same 0 ip junk
same 0 ip all all
same 0 -d DEBUG pnn
same 0 -- pnn
same 0 -n 2 -t 3 -v -Y -x : ping
CTDB_TIMEOUT=junk same 0 ping
CTDB_SOCKET=/nonexistent/sock same 0 ping

# state
same 0 status
same 1 status
same 0 -n 2 status
same 0 -Y status
same 0 -X status
same 0 -n 1 -X status
same 0 -x ';;' -Y status
same 0 nodestatus
same 0 nodestatus all
same 0 nodestatus 0,2
same 0 nodestatus 2,0
same 0 nodestatus 1,1
same 0 nodestatus 0x1
same 0 nodestatus 7
same 0 nodestatus abc
same 0 nodestatus 0,abc
same 0 nodestatus ''
same 0 nodestatus 0-2
same 0 nodestatus -- -1
same 0 -X nodestatus
same 0 -Y nodestatus all
same 0 listnodes
same 0 -X listnodes
same 0 -n 0 listnodes
same 0 pnn
same 2 pnn
same 0 pnn junk
same 0 leader
same 1 -n 0 leader
same 0 -t 0 leader
same 0 runstate
same 0 -n 1 runstate
same 0 runstate running
same 0 runstate startup running
same 0 runstate setup first_recovery
same 0 runstate bogus
same 0 runstate running bogus
same 0 uptime
same 0 -n 2 uptime
same 0 ping
same 0 -n 1 ping
same 0 getpid
same 0 -n 1 getpid
same 0 getcapabilities
same 0 -X getcapabilities
same 0 getreclock
same 0 process-exists 1
same 0 process-exists 1 0xF100000000000000
same 0 process-exists abc
same 0 statistics

# tunables and log level
same 0 getvar MonitorInterval
same 0 getvar monitorinterval
same 0 -n 1 getvar KeepaliveLimit
same 0 getvar NoSuchVar
same 0 listvars
same 0 setvar MonitorInterval 20
same 0 setvar monitorinterval 0xf
same 0 setvar MonitorInterval abc
same 0 setvar MonitorInterval 15x
same 0 setvar MonitorInterval -- -5
same 0 setvar MonitorInterval 4294967296
same 0 setvar NoSuchVar 1
same 0 setvar RecLockLatencyMs 1000
same 0 setvar MonitorInterval 15
same 0 setdebug NOTICE
same 0 getdebug
same 0 setdebug 99
same 0 setdebug bogus
same 0 setdebug warn
same 0 getdebug
same 0 setdebug NOTICE

# addresses
same 0 ip
same 0 ip all
same 0 -X ip
same 0 -v ip
same 0 -v ip all
same 0 -v -X ip
same 0 -n 1 -v ip
same 0 ipinfo 10.0.2.31
same 0 ipinfo 10.9.9.9
same 0 ipinfo junk
same 0 ifaces
same 0 -X ifaces

# databases
same 0 getdbmap
same 0 attach vol1.tdb
same 0 attach pers1.tdb persistent
same 0 attach repl1.tdb replicated
same 0 attach ro1.tdb readonly
same 0 attach st1.tdb sticky
same 0 attach vol1.tdb persistent
same 0 attach x.tdb bogus
same 0 -n 1 attach x.tdb
same 0 attach a b c
same 0 getdbmap
same 1 getdbmap
same 0 -n 1 getdbmap
same 0 -X getdbmap
same 0 getdbstatus vol1.tdb
same 0 getdbstatus pers1.tdb
same 0 getdbstatus ro1.tdb
same 0 -n 1 getdbstatus st1.tdb
same 0 getdbstatus 0xb61698e1
same 0 getdbstatus nosuch.tdb
same 0 getdbstatus 0xzz
same 0 setdbreadonly pers1.tdb
same 0 setdbsticky pers1.tdb

# volatile records: the first line of a pair is the one that writes
same 0 writekey vol1.tdb k1 v1
same 1 readkey vol1.tdb k1
same 0 writekey vol1.tdb k2 'va"l\ue2'
same 0 writekey vol1.tdb 0x6b33 0x000102ff
same 0 readkey vol1.tdb 0x6b33
same 0 readkey vol1.tdb nokey
same 0 readkey vol1.tdb k1 readonly
same 0 readkey vol1.tdb k1 bogus
same 0 writekey ro1.tdb rokey roval
same 1 readkey ro1.tdb rokey readonly
same 2 readkey ro1.tdb rokey readonly
same 0 writekey ro1.tdb rokey roval2
same 0 writekey pers1.tdb k v
same 0 writekey nosuch.tdb k v
same 0 writekey vol1.tdb 0x1 v
same 0 writekey vol1.tdb 0xzz v
same 0 catdb vol1.tdb
same 0 cattdb vol1.tdb
same 1 cattdb vol1.tdb
same 0 deletekey vol1.tdb k2
same 0 deletekey vol1.tdb nokey
same 0 deletekey pers1.tdb k
same 0 readkey vol1.tdb k2
same 0 catdb nosuch.tdb
same 0 -n 1 catdb vol1.tdb

# persistent records
same 0 pstore pers1.tdb key1 value1
same 1 pstore pers1.tdb 0x6b657932 0x00ff41
same 0 pstore repl1.tdb rk rv
same 0 pstore pers1.tdb empty ''
same 0 pstore vol1.tdb k v
same 0 pstore nosuch.tdb k v
same 0 pstore pers1.tdb 0x6b6 v
same 0 pstore pers1.tdb 0xzz v
same 0 pstore pers1.tdb '' v
same 0 pfetch pers1.tdb key1
same 1 pfetch pers1.tdb 0x6b657931
same 0 pfetch pers1.tdb key2
same 0 pfetch pers1.tdb nokey
same 2 pfetch repl1.tdb rk
same 0 pfetch vol1.tdb k
same 0 pfetch nosuch.tdb k
same 0 ptrans pers1.tdb "$work/ptrans.in"
same 0 ptrans pers1.tdb
same 0 ptrans vol1.tdb
same 0 ptrans pers1.tdb /nonexistent
same 0 pdelete pers1.tdb key2
same 0 pdelete pers1.tdb nokey
same 0 pdelete vol1.tdb k
same 0 catdb repl1.tdb
same 2 catdb pers1.tdb
same 0 getdbseqnum vol1.tdb
same 0 getdbseqnum nosuch.tdb
same 0 -n 1 getdbseqnum pers1.tdb
same 0 tfetch "$work/cluster/node.0/db/persistent/pers1.tdb.0" key1
same 0 tfetch "$work/cluster/node.0/db/persistent/pers1.tdb.0" nokey
same 0 tfetch nosuch.tdb k
same 0 tstore nosuch.tdb k v

# statistics, memory
same 0 dbstatistics vol1.tdb
same 0 -n 1 dbstatistics pers1.tdb
same 0 dbstatistics nosuch.tdb
same 0 stats 1
same 0 -Y stats 1 extra
same 0 -n 1 statisticsreset
same 0 checktcpport abc
same 0 checktcpport 70000
same 0 checktcpport
same 0 -n 1 checktcpport 1
same 0 checktcpport 4379

# backups: what one tool has written the other reads
same 0 backupdb pers1.tdb "$work/pers1.ours"
same 0 dumpdbbackup "$work/pers1.ours"
run_with /usr/bin/ctdb 0 theirs backupdb pers1.tdb "$work/pers1.debian"
same 0 dumpdbbackup "$work/pers1.debian"
same_backup "$work/pers1.debian" "$work/pers1.ours"
same 0 backupdb vol1.tdb "$work/vol1.backup"
same 0 dumpdbbackup "$work/vol1.backup"
same 0 backupdb nosuch.tdb "$work/x"
same 0 backupdb pers1.tdb /nonexistent/x
same 0 backupdb pers1.tdb
same 0 -n 1 backupdb pers1.tdb x
same 0 restoredb "$work/pers1.debian"
same 0 cattdb pers1.tdb
same 0 restoredb "$work/pers1.ours" pers2.tdb
same 1 cattdb pers2.tdb
same 0 restoredb "$work/pers1.ours" vol1.tdb
same 0 restoredb /nonexistent
same 0 restoredb "$work/ptrans.in"
same 0 dumpdbbackup /nonexistent
same 0 dumpdbbackup
same 0 wipedb pers2.tdb
same 2 cattdb pers2.tdb
same 0 wipedb vol1.tdb
same 1 cattdb vol1.tdb
same 0 wipedb nosuch.tdb
same 0 -n 1 wipedb pers1.tdb

# detach
same 0 detach vol1.tdb
same 0 detach
for node in 0 1 2; do
    run_with /usr/bin/ctdb "$node" theirs setvar AllowClientDBAttach 0
done
same 0 detach pers1.tdb
same 0 detach nosuch.tdb
run_with "$ours" 0 ours detach vol1.tdb
same 0 getdbmap
same 1 getdbmap
same 0 readkey pers1.tdb k
for node in 0 1 2; do
    run_with /usr/bin/ctdb "$node" theirs setvar AllowClientDBAttach 1
done
same 0 attach vol1.tdb
same 0 cattdb vol1.tdb

# connections of addresses, the nodes list
same 0 addtickle 10.0.9.9 10.0.2.33:445
same 0 addtickle 10.0.9.9:45000 junk
same 0 addtickle 10.0.9.9:45000
same 0 gettickles junk
same 0 gettickles 10.0.2.33 junk
same 0 gettickles 10.8.8.8
same 0 gettickles
same 0 reloadnodes
same 0 reloadnodes x
same 0 -n 1 reloadnodes

# membership
both_ways 0 -n 1 disable -- -n 1 enable
same 0 -n 1 enable
both_ways 0 -n 1 stop -- -n 1 continue
same 0 -n 1 continue
both_ways 0 -n 2 ban 300 -- -n 2 unban
same 0 -n 2 unban
same 0 -n 1 ban 0
same 0 -n 1 ban abc
same 0 ipreallocate
same 0 sync
same 0 recover
same 0 setlmasterrole maybe
both_ways 0 -n 1 setlmasterrole off -- -n 1 setlmasterrole on
run_with /usr/bin/ctdb 0 theirs -n 1 stop
await_size 0 2
same 0 status
same 1 status
same 0 -X status
same 1 attach new_stopped.tdb
same 1 readkey vol1.tdb k1
same 1 pstore pers1.tdb k v
same 1 catdb vol1.tdb
same 0 -n 1 stop
same 0 -n 1 ip
same 0 nodestatus all
run_with /usr/bin/ctdb 0 theirs -n 1 continue
await_size 0 3
run_with "$ours" 0 ours -n 2 shutdown
await_size 0 2
same 0 -n 2 ping
same 0 -n 2 shutdown
same 0 status
same 0 nodestatus 2
same 2 ping
