#!/bin/sh
# Clients of three nodes add to one record under its lock while a node is killed: the sum is what was acknowledged.
#
# What is promised: additions live on the node that has the record (its dmaster) until it moves. The clients of the
# node that dies have stopped and the others have gone on before, so the record has moved away from it.
set -eu
# shellcheck source=support/cluster.sh
. "${CTDB_SOURCE:?}/tests/integration/support/cluster.sh"

each=${EACH:-3000} # a millisecond and more for each: the survivors are at work when the victim dies

# The number as the node's own copy of the record has it, without asking for the record.
counted() {
	ctdb_on "$1" cattdb test.tdb | sed -n 's/^data([0-9]*) = "\([0-9]*\)"$/\1/p'
}

moved_on() { # NODE FORMER: it has counted past what the others left
	_count=$(counted "$1") && [ "${_count:-0}" -gt "$2" ]
}

start_nodes 3
wait_healthy 3
ctdb_on 0 attach test.tdb
ctdb_on 0 attach keep.tdb persistent
leader=$(leader_of 0)
victim=$(((leader + 1) % 3)) # node_death.sh kills leaders too
other=$(((leader + 2) % 3))

start_on "$victim" "$work/count.victim" ctdb-test-increment test.tdb counter 300
first=$started
start_on "$leader" "$work/count.leader" ctdb-test-increment test.tdb counter "$each" --pause-us 1000
second=$started
start_on "$other" "$work/count.other" ctdb-test-increment test.tdb counter "$each" --pause-us 1000
third=$started
ctdb_on "$victim" pstore keep.tdb key committed || fail pstore
wait "$first" || fail "client of node $victim"
left=$(counted "$victim")
wait_for 60 moved_on "$other" "${left:-0}" || fail "node $other does not count on after $left"
note "killing node $victim at about $left"
kill_node "$victim"
wait "$second" || fail "client of node $leader"
wait "$third" || fail "client of node $other"
wait_state "$victim" 'DISCONNECTED|UNHEALTHY|INACTIVE' "$leader" "$other"

sum=$(cat "$work"/count.* | awk '{ sum += $1 } END { print sum }')
[ "$sum" -eq $((300 + 2 * each)) ] || fail "only $sum additions were acknowledged"
for node in "$leader" "$other"; do
	expect "Data: size:${#sum} ptr:[$sum]" ctdb_on "$node" readkey test.tdb counter
	expect committed ctdb_on "$node" pfetch keep.tdb key
done
note "$sum additions acknowledged, $sum there"
