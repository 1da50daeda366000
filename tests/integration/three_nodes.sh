#!/bin/sh
# Three nodes become one cluster that the tool can ask and fill, and leave nothing behind when shut down.
set -eu
# shellcheck source=support/cluster.sh
. "${CTDB_SOURCE:?}/tests/integration/support/cluster.sh"

start_nodes 3
wait_healthy 3
for node in 0 1 2; do
	expect "$node" ctdb_on "$node" pnn
	expect RUNNING ctdb_on "$node" runstate
	expect "$(leader_of 0)" ctdb_on "$node" leader
	expect "$(pid_of "$node")" ctdb_on 0 -n "$node" getpid
	expect "$(cat "$work/nodes")" ctdb_on "$node" listnodes
	ctdb_on "$node" nodestatus all >/dev/null || fail "nodestatus of node $node"
	ctdb_on 0 -n "$node" ping | grep -q "^response from $node time=" || fail "ping of node $node"
done
ctdb_on 0 status | grep -q '^Recovery mode:NORMAL (0)$' || fail "recovery mode"

note "volatile, persistent and replicated databases are attached everywhere"
ctdb_on 0 attach test.tdb
ctdb_on 1 attach keep.tdb persistent
ctdb_on 2 attach copy.tdb replicated
for node in 0 1 2; do
	map=$(ctdb_on "$node" getdbmap)
	for line in 'name:test.tdb path:.*/volatile/test.tdb\.'"$node"'$' \
		'name:keep.tdb path:.*/keep.tdb\.'"$node"' PERSISTENT$' 'name:copy.tdb .* REPLICATED$'; do
		printf '%s\n' "$map" | grep -q "$line" || fail "getdbmap of node $node lacks $line: $map"
	done
done

note "records and transactions of one node are there on the others"
ctdb_on 0 writekey test.tdb key value
expect 'Data: size:5 ptr:[value]' ctdb_on 1 readkey test.tdb key
ctdb_on 2 catdb test.tdb | grep -q '^data(5) = "value"$' || fail "catdb"
ctdb_on 1 pushrecord test.tdb pushed everywhere
for node in 0 1 2; do
	ctdb_on "$node" cattdb test.tdb | grep -A 4 '^key(6) = "pushed"$' | grep -q '^data(10) = "everywhere"$' ||
		fail "node $node has no copy of a pushed record"
done
expect 'Data: size:10 ptr:[everywhere]' ctdb_on 2 readkey test.tdb pushed
ctdb_on 0 pstore keep.tdb first 1
printf '"second" "2"\n"third" "3"\n' | ctdb_on 1 ptrans keep.tdb || fail ptrans
ctdb_on 2 pstore copy.tdb fourth 4 || fail "pstore into a replicated database"
for node in 0 1 2; do
	expect 1 ctdb_on "$node" pfetch keep.tdb first
	expect 2 ctdb_on "$node" pfetch keep.tdb second
	expect 3 ctdb_on "$node" pfetch keep.tdb third
	expect 4 ctdb_on "$node" pfetch copy.tdb fourth
done
ctdb_on 1 catdb keep.tdb | grep -q '^Dumped 4 records$' || fail "catdb of a persistent database"

note "tunables belong to a node"
ctdb_on 0 -n 1 setvar MonitorInterval 20
expect 'MonitorInterval            = 20' ctdb_on 1 getvar MonitorInterval
expect 'MonitorInterval            = 15' ctdb_on 0 getvar MonitorInterval
ctdb_on 2 listvars | grep -q '^MonitorInterval ' || fail listvars

note "what is set at run time counts for the next database"
ctdb_on 0 setvar DatabaseHashSize 1009
ctdb_on 0 attach small.tdb
file=$(ctdb_on 0 getdbmap | sed -n 's/.*name:small.tdb path:\([^ ]*\).*/\1/p')
size=$(od -An -t u4 -j 36 -N 4 "$file" | tr -d ' ') # in the header of a tdb file
[ "$size" = 1009 ] || fail "$file has $size chains, not 1009"

note "a shutdown leaves no process, socket or PID file"
for node in 2 1 0; do
	pid=$(pid_of "$node")
	ctdb_on "$node" shutdown || fail "shutdown of node $node"
	wait_for 30 gone "$pid" || fail "node $node does not end"
	wait_for 10 no_processes "$node" || fail "processes of node $node stay: $(processes_of "$node")"
	left=$(find "$(base_of "$node")/run" -type s -o -name '*.pid')
	[ -z "$left" ] || fail "files stay: $left"
done
