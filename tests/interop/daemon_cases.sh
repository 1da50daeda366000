# Command lines for daemon_test: same NODE ARGS...
# shellcheck shell=sh disable=SC2154 # work is daemon_test's

same 0 status
same 1 -X status
same 0 -n 2 status
same 0 nodestatus all
same 0 listnodes
same 0 -X listnodes
same 2 pnn
same 0 runstate
same 0 uptime
same 0 -n 1 ping
same 0 -n 9 ping
same 0 getcapabilities
same 0 process-exists 1

same 0 getvar MonitorInterval
same 0 getvar NoSuchVar
same 0 setvar KeepaliveLimit 7
same 0 getvar KeepaliveLimit
same 0 listvars
same 0 setvar RecLockLatencyMs 1000

same 0 getdbmap
same 0 attach vol1.tdb
same 0 attach pers1.tdb persistent
same 0 attach repl1.tdb replicated
same 0 attach vol1.tdb persistent
same 1 getdbmap
same 0 -X getdbmap
same 0 getdbstatus pers1.tdb
same 0 getdbstatus nosuch.tdb

same 0 writekey vol1.tdb k1 v1
same 1 readkey vol1.tdb k1
same 1 writekey vol1.tdb k1 v2
same 2 readkey vol1.tdb k1
same 0 readkey vol1.tdb nokey
same 0 deletekey vol1.tdb k1
same 1 readkey vol1.tdb k1

same 0 pstore pers1.tdb key1 value1
same 1 pstore pers1.tdb key2 value2
same 2 pfetch pers1.tdb key1
same 0 pfetch pers1.tdb key2
same 0 pfetch pers1.tdb nokey
same 0 pdelete pers1.tdb key1
same 1 pfetch pers1.tdb key1
same 0 getdbseqnum pers1.tdb
same 0 pstore repl1.tdb rk rv
same 2 pfetch repl1.tdb rk
same 0 pstore vol1.tdb k v

same 0 backupdb pers1.tdb "$work/backup"
same 0 wipedb pers1.tdb
same 1 cattdb pers1.tdb
same 0 pstore pers1.tdb later value
same 0 restoredb "$work/backup"
same 2 pfetch pers1.tdb key2
same 2 pfetch pers1.tdb later
same 0 restoredb "$work/backup" pers2.tdb
same 1 pfetch pers2.tdb key2
same 0 wipedb vol1.tdb
same 1 cattdb vol1.tdb
same 0 detach vol1.tdb
same 0 -n 0 setvar AllowClientDBAttach 0
same 0 -n 1 setvar AllowClientDBAttach 0
same 0 -n 2 setvar AllowClientDBAttach 0
same 0 detach pers1.tdb
same 0 detach nosuch.tdb
same 0 attach vol9.tdb
same 0 detach vol1.tdb
same 1 getdbmap
same 0 -n 0 setvar AllowClientDBAttach 1
same 0 -n 1 setvar AllowClientDBAttach 1
same 0 -n 2 setvar AllowClientDBAttach 1
same 0 attach vol1.tdb
same 0 cattdb vol1.tdb
same 0 writekey vol1.tdb k1 v1
same 0 reloadnodes

# connections: those of addresses that are not public are refused
same 0 addtickle 10.0.9.9:1 10.8.8.8:445
same 0 -n 1 addtickle 10.0.9.9:1 10.8.8.8:445
same 0 gettickles 10.8.8.8
same 0 gettickles fd00:3::99
same 0 deltickle 10.0.9.9:1 10.8.8.8:445
same 0 addtickle 10.0.9.9:1 10.0.2.31:445
same 0 gettickles 10.0.2.31
same 0 gettickles 10.0.2.31 446
same 0 -X gettickles 10.0.2.31 445
same 0 gettickles fd00:3::41
same 0 deltickle 10.0.9.9:1 10.0.2.31:445
same 0 deltickle 10.0.9.9:1 10.0.2.31:445
same 0 gettickles 10.0.2.31

# databases: kinds, attributes and what is refused
same 0 attach vold.tdb
same 0 attach persd.tdb persistent
same 0 attach repld.tdb replicated
same 0 attach rod.tdb readonly
same 0 attach std.tdb sticky
same 0 attach ''
same 0 attach 'a|b c.tdb'
same 0 attach a/b.tdb
same 0 attach repld.tdb
same 0 attach repld.tdb persistent
same 0 attach rod.tdb replicated
same 0 attach repld.tdb readonly
same 0 attach persd.tdb sticky
same 0 getdbmap
same 1 -X getdbmap
same 2 getdbstatus rod.tdb
same 0 getdbstatus ''
same 0 getdbstatus 0x5ac43b8f
same 0 setdbreadonly repld.tdb
same 0 setdbsticky persd.tdb
same 0 -n 1 setdbsticky vold.tdb
same 1 setdbsticky vold.tdb
same 0 getdbmap
same 1 getdbmap
same 0 getdbseqnum vold.tdb
same 0 getdbseqnum repld.tdb
same 0 catdb vold.tdb
same 0 cattdb repld.tdb
same 0 writekey vold.tdb '' v
same 0 readkey vold.tdb ''
same 0 writekey vold.tdb k ''
same 0 readkey vold.tdb k
same 0 writekey vold.tdb big "$(head -c 20000 /dev/zero | tr '\0' x)"
same 1 readkey vold.tdb big
same 2 deletekey vold.tdb big
same 0 writekey std.tdb sk sv
same 1 writekey std.tdb sk sv1
same 2 readkey std.tdb sk
same 0 writekey rod.tdb rk rv
same 1 readkey rod.tdb rk readonly
same 2 readkey rod.tdb rk readonly
same 0 writekey rod.tdb rk rv2
same 2 readkey rod.tdb rk readonly
same 0 pstore persd.tdb '' v
same 0 pfetch persd.tdb ''
same 0 pstore persd.tdb k ''
same 0 cattdb persd.tdb
same 0 writekey persd.tdb k v
same 0 ptrans vold.tdb
same 0 backupdb repld.tdb "$work/repld"
same 0 restoredb "$work/repld" rnew.tdb
same 0 restoredb "$work/repld" persd.tdb
same 0 restoredb "$work/repld" vold.tdb
same 0 wipedb rod.tdb
same 1 cattdb rod.tdb
same 0 wipedb ''
same 0 detach nosuch.tdb
same 0 detach vold.tdb
same 0 getdbmap

same 0 setdebug NOTICE
same 0 getdebug
same 0 recover
same 0 runstate running
same 0 readkey vol1.tdb k1
same 0 pfetch pers1.tdb key2
same 0 -n 1 stop
same 0 nodestatus all
same 1 attach late.tdb
same 0 -n 1 continue
wait_healthy 3 # ours starts its services first
same 0 nodestatus all
same 0 -n 2 shutdown
wait_state 2 '*DISCONNECTED*' 0 # the order to go was answered before it has gone
same 0 -n 2 ping
