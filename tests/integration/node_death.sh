#!/bin/sh
# A node is killed, first one that follows, then the leader: the others go on with all data, and the node
# is healthy again after a start.
set -eu
# shellcheck source=support/cluster.sh
. "${CTDB_SOURCE:?}/tests/integration/support/cluster.sh"

recovered_without() { # NODE SURVIVOR OLD_GENERATION
	_generation=$(generation_of "$2") && [ "$_generation" != "$3" ] && [ "$_generation" != INVALID ] &&
		[ -n "$_generation" ] && ctdb_on "$2" status | grep -q '^Recovery mode:NORMAL' &&
		[ "$(leader_of "$2")" != "$1" ]
}

# die_and_return NODE SURVIVOR OTHER_SURVIVOR
die_and_return() {
	note "node $1 is killed, nodes $2 and $3 go on"
	for key in a b c d; do # wherever their lmaster is; the last to write is a survivor
		ctdb_on "$2" writekey test.tdb "$key" "before-$1"
	done
	ctdb_on "$1" pstore keep.tdb key "before-$1"
	before=$(generation_of "$2")
	victim=$(pid_of "$1")
	kill_node "$1"
	wait_for 10 gone "$victim" || fail "node $1 is not dead"
	wait_state "$1" 'DISCONNECTED|UNHEALTHY|INACTIVE' "$2" "$3"
	wait_for 40 recovered_without "$1" "$2" "$before" || fail "no recovery without node $1"
	for node in "$2" "$3"; do
		expect "before-$1" ctdb_on "$node" pfetch keep.tdb key
		for key in a b c d; do
			expect "Data: size:8 ptr:[before-$1]" ctdb_on "$node" readkey test.tdb "$key"
		done
	done
	ctdb_on "$3" pstore keep.tdb key "after-$1" || fail "no transaction without node $1"
	wait_for 10 no_processes "$1" || fail "processes of node $1 stay: $(processes_of "$1")"

	start_node "$1"
	wait_state "$1" OK 0 1 2
	wait_healthy 3
	expect "after-$1" ctdb_on "$1" pfetch keep.tdb key
	expect "Data: size:8 ptr:[before-$1]" ctdb_on "$1" readkey test.tdb a
}

start_nodes 3
wait_healthy 3
ctdb_on 0 attach test.tdb
ctdb_on 0 attach keep.tdb persistent
leader=$(leader_of 0)
die_and_return "$(((leader + 1) % 3))" "$leader" "$(((leader + 2) % 3))"
leader=$(leader_of 0)
die_and_return "$leader" "$(((leader + 1) % 3))" "$(((leader + 2) % 3))"
