# Command lines about databases for tool_test: forms, wrong arguments, error paths. Sourced before tool_cases.sh, which knows the rest.
# shellcheck shell=sh disable=SC2154 # work is tool_test's

p0=$work/cluster/node.0/db/persistent/persd.tdb.0

# attach, getdbmap, getdbstatus, attributes
same 0 attach vold.tdb
same 0 attach persd.tdb persistent
same 0 attach repld.tdb replicated
same 0 attach rod.tdb readonly
same 0 attach std.tdb sticky
run_with /usr/bin/ctdb 0 theirs attach 'a|b.tdb'
run_with /usr/bin/ctdb 0 theirs attach 'with space.tdb'
same 0 attach
same 0 attach ''
same 0 attach rod.tdb replicated
same 0 attach repld.tdb persistent
same 0 attach repld.tdb readonly
same 0 attach persd.tdb sticky
same 0 attach persd.tdb
same 0 attach newd.tdb PERSISTENT
same 0 attach a/b.tdb
same 0 getdbmap
same 0 -Y getdbmap
same 0 -X getdbmap
same 0 -x ';' getdbmap
same 0 -v getdbmap
same 0 getdbmap x
same 0 -n 9 getdbmap
same 0 -n all getdbmap
same 0 getdbstatus
same 0 getdbstatus a b
same 0 -X getdbstatus vold.tdb
same 0 -Y getdbstatus vold.tdb
same 0 getdbstatus 0
same 0 getdbstatus 0x
same 0 getdbstatus 0x1
same 0 getdbstatus 0x5ac43b8fz
same 0 getdbstatus 0x5AC43B8F
same 0 getdbstatus 0x15ac43b8f
same 0 getdbstatus ''
same 0 getdbstatus vold
same 0 getdbstatus repld.tdb
same 0 -n 9 getdbstatus vold.tdb
same 0 getdbstatus 'a|b.tdb'
same 0 setdbreadonly
same 0 setdbreadonly nosuch.tdb
same 0 setdbreadonly repld.tdb
same 0 setdbreadonly vold.tdb
same 0 setdbreadonly vold.tdb
same 0 setdbreadonly vold.tdb x
same 0 -n 1 setdbreadonly vold.tdb
same 0 setdbsticky
same 0 setdbsticky nosuch.tdb
same 0 setdbsticky repld.tdb
same 0 setdbsticky std.tdb
same 0 setdbsticky rod.tdb x
same 0 -n 1 setdbsticky rod.tdb
same 0 -X getdbmap
same 1 -X getdbmap
same 2 getdbstatus vold.tdb

# dumps
same 0 catdb
same 0 catdb vold.tdb x
same 0 catdb ''
same 0 cattdb
same 0 cattdb nosuch.tdb
same 0 cattdb vold.tdb x
same 0 -n 1 cattdb vold.tdb
same 0 cattdb repld.tdb
same 0 cattdb persd.tdb
same 0 catdb 0x1

# volatile records
same 0 readkey
same 0 readkey vold.tdb
same 0 readkey vold.tdb a b c
same 0 readkey nosuch.tdb k
same 0 readkey repld.tdb k
same 0 readkey vold.tdb ''
same 0 readkey vold.tdb 0x
same 0 readkey vold.tdb 0x6
same 0 readkey vold.tdb 0xzz
same 0 -n 1 readkey vold.tdb k
same 0 writekey
same 0 writekey vold.tdb
same 0 writekey vold.tdb k
same 0 writekey vold.tdb k v x
same 0 writekey repld.tdb k v
same 0 writekey vold.tdb '' v
same 0 writekey vold.tdb 0x v
same 0 writekey vold.tdb k 0xzz
same 0 writekey vold.tdb k 0x123
same 0 writekey vold.tdb k 0x
same 0 readkey vold.tdb k
same 0 writekey vold.tdb k ''
same 0 readkey vold.tdb k
same 0 -n 1 writekey vold.tdb k v
same 0 writekey std.tdb sk sv
same 1 writekey std.tdb sk sv1
same 2 readkey std.tdb sk
same 0 deletekey
same 0 deletekey vold.tdb
same 0 deletekey vold.tdb a b
same 0 deletekey nosuch.tdb k
same 0 deletekey repld.tdb k
same 0 deletekey vold.tdb ''
same 0 deletekey vold.tdb 0xzz
same 0 -n 1 deletekey vold.tdb k

# the file of a volatile database, with its mutexes, by the tool that asks no daemon
dump_file() { # LTDBTOOL NAME
    code=0
    "$1" dump -p -e "$work/cluster/node.0/db/volatile/vold.tdb.0" >"$work/ltdb" 2>&1 || code=$?
    { sort "$work/ltdb"; printf -- '--- exit %s\n' "$code"; } >"$work/$2"
}
dump_file /usr/bin/ltdbtool theirs.ltdb
dump_file "$(dirname "$ours")/ltdbtool" ours.ltdb
count=$((count + 1))
diff -u --label "Debian: ltdbtool dump" --label "ours: ltdbtool dump" "$work/theirs.ltdb" "$work/ours.ltdb" || status=1

# files
same 0 tstore
same 0 tstore a
same 0 tstore a b
same 0 tstore a b c d e f g
same 0 tfetch
same 0 tfetch a
same 0 tfetch a b c d
same 0 tfetch "$work/cluster/node.0/db/volatile/vold.tdb.0" k
same 0 pstore persd.tdb key1 value1
same 0 tfetch "$p0" key1
same 0 tfetch "$p0" key1 "$work/tf.out"
same 0 tfetch "$p0" key1 /nonexistent/x
same 0 tfetch "$p0" 0xzz
same 0 tfetch "$p0" 0x6b6
same 0 tfetch "$p0" ''
same 0 -n 1 tfetch "$p0" key1
same 0 -n 1 tstore "$p0" key1 x
same 0 tfetch "$p0" 0x6b657931
cp "$p0" "$work/copy.tdb"
same 0 tstore "$work/copy.tdb" tk tv
same 0 tfetch "$work/copy.tdb" tk
same 0 tstore "$work/copy.tdb" tk tv 7
same 0 tfetch "$work/copy.tdb" tk
same 0 tstore "$work/copy.tdb" tk tv 7 1
same 0 tstore "$work/copy.tdb" tk tv 7 1 0x1000
same 0 tfetch "$work/copy.tdb" tk
same 0 tstore "$work/copy.tdb" tk tv 7 1 10000
same 0 tstore "$work/copy.tdb" tk tv abc
same 0 tstore "$work/copy.tdb" tk tv 7 abc
same 0 tstore "$work/copy.tdb" tk tv 7 1 abc
for number in 010 0x10 5x -1 18446744073709551617 ''; do
    same 0 tstore "$work/copy.tdb" tk tv -- "$number"
    same 0 tstore "$work/copy.tdb" tk tv 7 -- "$number"
    same 0 tfetch "$work/copy.tdb" tk
done
same 0 tstore "$work/copy.tdb" 0xzz tv
same 0 tstore "$work/copy.tdb" tk 0xzz
same 0 tstore "$work/copy.tdb" tk ''
same 0 tfetch "$work/copy.tdb" tk
same 0 tstore "$work/copy.tdb" '' x

# persistent records
same 0 pstore
same 0 pstore persd.tdb
same 0 pstore persd.tdb k
same 0 pstore persd.tdb k v x
same 0 pstore persd.tdb k 0xzz
same 0 -n 1 pstore persd.tdb k v
same 0 pfetch
same 0 pfetch persd.tdb
same 0 pfetch persd.tdb key1 "$work/pf.out"
same 0 pfetch persd.tdb key1 /nonexistent/x
same 0 pfetch persd.tdb key1 a b
same 0 pfetch persd.tdb ''
same 0 pfetch persd.tdb 0xzz
same 0 -n 1 pfetch persd.tdb key1
same 0 pdelete
same 0 pdelete persd.tdb
same 0 pdelete persd.tdb a b
same 0 pdelete nosuch.tdb a
same 0 pdelete persd.tdb ''
same 0 pdelete persd.tdb 0xzz
same 0 -n 1 pdelete persd.tdb key1
same 0 ptrans
same 0 ptrans nosuch.tdb
same 0 ptrans nosuch.tdb "$work/ptrans.in"
same 0 ptrans persd.tdb a b
same 0 -n 1 ptrans persd.tdb "$work/ptrans.in"
same 0 ptrans repld.tdb "$work/ptrans.in"
same 0 catdb repld.tdb
printf '"k"\n' >"$work/p1"
same 0 ptrans persd.tdb "$work/p1"
printf '"k" "v"' >"$work/p2"
same 0 ptrans persd.tdb "$work/p2"
same 0 pfetch persd.tdb k
printf '# comment\n\n   "sp"   "x y"   \n"0x6162" "0x00ff"\n"bad"x "y"\n"q\\"uote" "z"\n"open "z"\n"a" "b" "c"\nk v\n' >"$work/p3"
same 0 ptrans persd.tdb "$work/p3"
same 0 cattdb persd.tdb
printf '"" "v"\n' >"$work/p4"
same 0 ptrans persd.tdb "$work/p4"
printf '"0xzz" "v"\n' >"$work/p5"
same 0 ptrans persd.tdb "$work/p5"
: >"$work/p6"
same 0 ptrans persd.tdb "$work/p6"
printf '"0x123" "v"\n"k" "0x1"   \n"k" "0x12zz34" trailing\n "k4""v4"\n\t"k5" \t v\n  "k" \n  "k\n"a" "b\n' >"$work/p7"
same 0 ptrans persd.tdb "$work/p7"
same 0 cattdb persd.tdb

# numbers
same 0 getdbseqnum
same 0 getdbseqnum persd.tdb
same 0 getdbseqnum persd.tdb x
same 0 getdbseqnum repld.tdb
same 0 getdbseqnum 0x1
same 0 -n 9 getdbseqnum persd.tdb
same 0 -X getdbseqnum persd.tdb
same 0 dbstatistics
same 0 dbstatistics vold.tdb x
same 0 -n 9 dbstatistics vold.tdb
same 0 -X dbstatistics vold.tdb
same 0 dbstatistics std.tdb
same 0 dbstatistics repld.tdb

# backups
same 0 backupdb
same 0 backupdb persd.tdb a b
same 0 backupdb persd.tdb ''
same 0 backupdb persd.tdb "$work"
same 0 backupdb persd.tdb "$work/none/"
same 0 backupdb persd.tdb /dev/null
same 0 backupdb persd.tdb /dev/full
same 0 backupdb repld.tdb "$work/repl.b"
same 0 dumpdbbackup "$work/repl.b"
same 0 backupdb 'with space.tdb' "$work/ws.b"
same 0 dumpdbbackup "$work/ws.b"
same 0 backupdb persd.tdb "$work/pers.b"
same 0 dumpdbbackup "$work/pers.b" x
same 0 dumpdbbackup ''
same 0 dumpdbbackup "$work"
{ printf '\004'; tail -c +2 "$work/pers.b"; } >"$work/v4.b"
same 0 dumpdbbackup "$work/v4.b"
same 0 restoredb "$work/v4.b"
{ printf '\002'; tail -c +2 "$work/pers.b"; } >"$work/v2.b"
same 0 dumpdbbackup "$work/v2.b"
same 0 restoredb "$work/v2.b"
same 0 restoredb
same 0 restoredb a b c
same 0 -n 1 restoredb "$work/pers.b"
same 0 restoredb "$work/repl.b"
same 0 restoredb "$work/repl.b" rnew.tdb
same 0 restoredb "$work/pers.b" ''
same 0 restoredb "$work/pers.b" repld.tdb
same 0 getdbmap
same 0 wipedb
same 0 wipedb vold.tdb x
same 0 wipedb ''
same 0 wipedb repld.tdb
same 0 catdb repld.tdb

# detach: upstream's daemons do not survive it for a READONLY database
same 0 detach ''
same 0 -n 1 detach vold.tdb
same 0 detach nosuch.tdb nosuch2.tdb
same 0 detach persd.tdb
run_with /usr/bin/ctdb 1 theirs setvar AllowClientDBAttach 0
same 0 detach vold.tdb
run_with /usr/bin/ctdb 0 theirs setvar AllowClientDBAttach 0
run_with /usr/bin/ctdb 2 theirs setvar AllowClientDBAttach 0
same 0 attach nn.tdb
same 0 attach std.tdb
same 0 detach persd.tdb nosuch.tdb repld.tdb
same 0 detach nosuch.tdb persd.tdb
same 0 catdb std.tdb
same 0 readkey std.tdb sk
same 0 writekey std.tdb sk x
same 0 deletekey std.tdb sk
same 0 pstore persd.tdb k v
same 0 pfetch persd.tdb k
same 0 pdelete persd.tdb k
same 0 ptrans persd.tdb "$work/p2"
same 0 wipedb std.tdb
same 0 backupdb std.tdb "$work/st.b"
same 0 cattdb std.tdb
same 0 restoredb "$work/pers.b"
for node in 0 1 2; do
    run_with /usr/bin/ctdb "$node" theirs setvar AllowClientDBAttach 1
done

# a stopped node, and the others meanwhile
run_with /usr/bin/ctdb 0 theirs -n 1 stop
await_size 0 2
for node in 0 1; do
    same "$node" getdbmap
    same "$node" getdbstatus vold.tdb
    same "$node" getdbstatus nosuch.tdb
    same "$node" getdbseqnum persd.tdb
    same "$node" dbstatistics vold.tdb
    same "$node" setdbreadonly std.tdb
    same "$node" setdbsticky vold.tdb
    same "$node" backupdb persd.tdb "$work/b.x"
done
same 0 wipedb rod.tdb
same 0 detach std.tdb
for command in "attach z.tdb" "catdb vold.tdb" "cattdb vold.tdb" "readkey vold.tdb k" "writekey vold.tdb k v" \
    "deletekey vold.tdb k" "pstore persd.tdb a b" "pfetch persd.tdb k" "pdelete persd.tdb k" \
    "ptrans persd.tdb $work/p2" "wipedb vold.tdb" "restoredb $work/pers.b" "detach vold.tdb" \
    "dumpdbbackup $work/pers.b" "tfetch $p0 k" statisticsreset; do
    # shellcheck disable=SC2086 # words of a command line
    same 1 $command
done
run_with /usr/bin/ctdb 0 theirs -n 1 continue
await_size 0 3
