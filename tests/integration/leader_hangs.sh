#!/bin/sh
# The leader's ctdbd is stopped (SIGSTOP) for longer than the leader timeout, with a cluster lock and without: another
# node leads meanwhile, and afterwards there is one leader and one cluster again. Then the lock file disappears.
set -eu
# shellcheck source=support/cluster.sh
. "${CTDB_SOURCE:?}/tests/integration/support/cluster.sh"

led_by_another() { # ASKED OLD_LEADER
	_leader=$(leader_of "$1") && [ -n "$_leader" ] && [ "$_leader" != "$2" ] && [ "$_leader" != UNKNOWN ]
}

recovered() { # ASKED OLD_GENERATION
	_generation=$(generation_of "$1") && [ -n "$_generation" ] && [ "$_generation" != "$2" ] &&
		ctdb_on "$1" status | grep -q '^Recovery mode:NORMAL'
}

one_leader() {
	[ "$(leader_of 0)" != UNKNOWN ] && [ "$(leader_of 0)" = "$(leader_of 1)" ] && [ "$(leader_of 1)" = "$(leader_of 2)" ]
}

# hang_and_wake SECONDS: others lead within SECONDS of the leader's ctdbd being stopped.
hang_and_wake() {
	leader=$(leader_of 0)
	one=$(((leader + 1) % 3))
	two=$(((leader + 2) % 3))
	before=$(generation_of "$one")
	note "ctdbd of leader $leader hangs"
	kill -STOP "$(pid_of "$leader")"
	wait_for "$1" led_by_another "$one" "$leader" || fail "nobody leads instead of node $leader after $1 s"
	wait_for 10 recovered "$one" "$before" || fail "no recovery without node $leader"
	ctdb_on "$one" writekey test.tdb key "while-$leader-hangs" || fail "no record without node $leader"
	sleep 10 # twice the leader timeout: what has to be survived, not a wait for something
	kill -CONT "$(pid_of "$leader")"
	ASK=$two wait_healthy 3
	wait_for 20 one_leader || fail "no common leader"
	wait_state "$leader" OK 0 1 2
	expect "Data: size:$(printf 'while-%s-hangs' "$leader" | wc -c) ptr:[while-$leader-hangs]" \
		ctdb_on "$leader" readkey test.tdb key
}

start_nodes 3
wait_healthy 3
ctdb_on 0 attach test.tdb
leader=$(leader_of 0)
hang_and_wake 12 # leader timeout 5 s, then the lock keeper lets go
grep -q 'lock lost.*not renewed the lease\|stood still' "$(base_of "$leader")/log.ctdb" ||
	fail "node $leader does not say that it lost the lock"

note "the lock file disappears"
leader=$(leader_of 0)
rm "$work/cluster.lock"
wait_log "$leader" 'cluster lock lost' 20
wait_for 20 one_leader || fail "no common leader after the lock file went"

for node in 0 1 2; do
	stop_node "$node"
done
note "without a cluster lock"
NO_CLUSTER_LOCK=yes
start_nodes 3
wait_healthy 3
ctdb_on 0 attach test.tdb
hang_and_wake 8
