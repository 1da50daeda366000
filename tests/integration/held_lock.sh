#!/bin/sh
# A client keeps a record's lock while a recovery is asked for, which has to freeze the database (databases.md 12.1 #28): the recovery says
# on which node and why it cannot go on, nobody is banned for it, and once the lock is free the next one succeeds and has lost nothing.
set -eu
# shellcheck source=support/cluster.sh
. "${CTDB_SOURCE:?}/tests/integration/support/cluster.sh"

held() {
	grep -q '^held$' "$work/holder"
}

recovered() { # on every node, in one generation that is not $before
	_now=$(generation_of 0)
	[ -n "$_now" ] && [ "$_now" != "$before" ] && [ "$_now" != INVALID ] || return 1
	for _node in 0 1 2; do
		[ "$(generation_of "$_node")" = "$_now" ] &&
			ctdb_on "$_node" status | grep -q '^Recovery mode:NORMAL' || return 1
	done
}

# shellcheck disable=SC2034 # for configure
TUNABLES='RecoverTimeout=5'
start_nodes 3
wait_healthy 3
ctdb_on 0 attach test.tdb
leader=$(leader_of 0)
victim=$(((leader + 1) % 3))
other=$(((leader + 2) % 3))
ctdb_on "$victim" writekey test.tdb held before
ctdb_on "$other" writekey test.tdb free before

note "node $victim: a client keeps a lock; node $other asks for a recovery of leader $leader"
start_on "$victim" "$work/holder" ctdb-test-hold-record test.tdb held
holder=$started
wait_for 30 held || fail "the record is not locked"
before=$(generation_of 0)
start_on "$other" "$work/recover" ctdb -T 120 recover
wait_log "$leader" "recovery.*failed.*node $victim: database test.tdb: freeze: .*a client there keeps a lock" 60
kill -0 "$holder" || fail "the client is gone"
for node in 0 1 2; do
	state_is "$node" "$victim" OK || {
		ctdb_on "$node" status
		fail "node $victim is punished for its client, as node $node sees it"
	}
done

note "the lock is given back"
kill -9 "$holder"
wait "$holder" || true
wait_for 60 recovered || {
	ctdb_on 0 status
	fail "no recovery after the lock was given back"
}
wait_healthy 3
for node in 0 1 2; do
	expect 'Data: size:6 ptr:[before]' ctdb_on "$node" readkey test.tdb held
	expect 'Data: size:6 ptr:[before]' ctdb_on "$node" readkey test.tdb free
	! grep -E 'is banned|BANNED' "$(base_of "$node")/log.ctdb" || fail "node $node knows of a ban"
done
