#!/bin/sh
# All nodes are killed at once, again and again, in the middle of transactions: what was acknowledged is on every node's disk, the files are
# sound and hold whole transactions (databases.md I17, I18, I26). Before that a recovery with many small buffers (I25) that leaves
# no file of its own behind (12.1 #22).
set -eu
# shellcheck source=support/cluster.sh
. "${CTDB_SOURCE:?}/tests/integration/support/cluster.sh"
# shellcheck source=support/transactions.sh
. "$CTDB_SOURCE/tests/integration/support/transactions.sh"
command -v tdbtool >/dev/null 2>&1 || {
	echo 'SKIPPED: needs tdbtool (package tdb-tools)'
	exit 77
}

kills=${KILLS:-2}

keep_of() {
	printf '%s/var/persistent/keep.tdb.%s' "$(base_of "$1")" "$1"
}

# value_on_disk NODE KEY, of the file of a node that does not run
value_on_disk() {
	tdbdump -k "$2" "$(keep_of "$1")" | sed 's/^\(\\[0-9A-F][0-9A-F]\)\{24\}//' # the header
}

start_nodes 3
wait_healthy 3
ctdb_on 0 attach test.tdb
ctdb_on 0 attach keep.tdb persistent

note "a recovery in many small buffers"
for node in 0 1 2; do
	ctdb_on "$node" setvar RecBufferSizeLimit 300
	on_node "$node" ctdb-test-keys test.tdb "key" "$((node * 300))" 300 write some-value-of-a-record || fail "writing records"
done
before=$(generation_of 0)
ctdb_on 0 recover
for node in 0 1 2; do
	wait_for 30 recovered_since "$node" "$before" || fail "no recovery on node $node"
	found=$(ctdb_on "$node" cattdb test.tdb | grep -c '= "key')
	[ "$found" -eq 900 ] || fail "node $node has $found of 900 records"
	on_node "$node" ctdb-test-keys test.tdb key 0 900 expect some-value-of-a-record || fail "node $node: another value"
done
left=$(find "$work" -name '*recdb*')
[ -z "$left" ] || fail "the recovery leaves $left"

round=0
while [ "$round" -lt "$kills" ]; do
	before=$(acked)
	transactions "$before" &
	committing=$!
	extra_processes="$extra_processes $committing"
	wait_for 30 advanced "$((before + 3))" || fail "no transactions after $before"
	for node in 0 1 2; do
		kill_node "$node"
	done
	wait "$committing" || fail "the client"
	last=$(acked)
	for node in 0 1 2; do
		wait_for 10 no_processes "$node" || fail "processes of node $node stay"
		tdbtool "$(keep_of "$node")" check | grep -q '^Database integrity is OK' || fail "$(keep_of "$node") is damaged"
		one=$(value_on_disk "$node" one)
		two=$(value_on_disk "$node" two)
		[ "$one" = "$two" ] || fail "node $node holds half a transaction: $one, $two"
		[ "$one" -ge "$last" ] || fail "transaction $last was acknowledged, node $node holds $one"
	done
	note "killed after transaction $last: on every disk"
	for node in 0 1 2; do
		start_node "$node"
	done
	wait_healthy 3
	now=$(ctdb_on 0 pfetch keep.tdb one)
	[ "$now" -ge "$last" ] || fail "transaction $last was acknowledged, $now is there"
	for node in 1 2; do
		expect "$now" ctdb_on "$node" pfetch keep.tdb one
		expect "$now" ctdb_on "$node" pfetch keep.tdb two
	done
	printf '%s\n' "$now" >"$work/acked"
	round=$((round + 1))
done
