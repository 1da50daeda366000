#!/bin/sh
# Nodes are disabled, stopped and banned, the leader too, and come back; every other node sees it; a
# requested recovery makes a new generation. Data survives all of it.
set -eu
# shellcheck source=support/cluster.sh
. "${CTDB_SOURCE:?}/tests/integration/support/cluster.sh"

other_leader() {
	_leader=$(leader_of "$1") && [ -n "$_leader" ] && [ "$_leader" != "$2" ] && [ "$_leader" != UNKNOWN ]
}

generation_changed() {
	_generation=$(generation_of "$1") && [ -n "$_generation" ] && [ "$_generation" != "$2" ]
}

# leave_and_return NODE FLAGS COMMAND BACK: one of three, others see it.
leave_and_return() {
	others=$(printf '0 1 2' | tr -d "$1")
	note "node $1: $3, then $4"
	# shellcheck disable=SC2086 # lists of words
	ctdb_on "$1" $3 || fail "$3 of node $1"
	# shellcheck disable=SC2086
	wait_state "$1" "$2" $others "$1"
	if [ "$2" != DISABLED ]; then
		# shellcheck disable=SC2086
		set -- "$@" $others
		wait_for 30 other_leader "$5" "$1" || fail "node $1 stays leader"
		ctdb_on "$5" writekey test.tdb key "without-$1" || fail "no record without node $1"
		expect "Data: size:9 ptr:[without-$1]" ctdb_on "$6" readkey test.tdb key
		ctdb_on "$5" pstore keep.tdb key "without-$1" || fail "no transaction without node $1"
	fi
	ctdb_on "$1" "$4" || fail "$4 of node $1"
	wait_state "$1" OK 0 1 2
	if [ "$2" != DISABLED ]; then
		expect "without-$1" ctdb_on "$1" pfetch keep.tdb key
		expect "Data: size:9 ptr:[without-$1]" ctdb_on "$1" readkey test.tdb key
	fi
}

start_nodes 3
wait_healthy 3
ctdb_on 0 attach test.tdb
ctdb_on 0 attach keep.tdb persistent

note "recover makes a new generation"
before=$(generation_of 0)
ctdb_on 1 recover
wait_for 30 generation_changed 0 "$before" || fail "generation stays $before"
for node in 1 2; do
	expect "$(generation_of 0)" generation_of "$node"
done

leader=$(leader_of 0)
follower=$(((leader + 1) % 3))
leave_and_return "$follower" DISABLED disable enable
leave_and_return "$follower" '*STOPPED|INACTIVE' stop continue
leave_and_return "$(leader_of 0)" '*STOPPED|INACTIVE' stop continue
leave_and_return "$(leader_of 0)" 'BANNED*INACTIVE' 'ban 300' unban
wait_healthy 3
