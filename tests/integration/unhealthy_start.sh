#!/bin/sh
# All nodes start anew and the file of one persistent database is damaged on one of them: that node waits until another is healthy, gets its copy
# and starts (databases.md 1.3, 6.2). Where no other is, it leaves with exit status 11.
set -eu
# shellcheck source=support/cluster.sh
. "${CTDB_SOURCE:?}/tests/integration/support/cluster.sh"

start_nodes 3
wait_healthy 3
ctdb_on 0 attach keep.tdb persistent
ctdb_on 0 pstore keep.tdb key committed || fail pstore
for node in 0 1 2; do
	stop_node "$node"
done
file=$(base_of 2)/var/persistent/keep.tdb.2
dd if=/dev/zero of="$file" bs=4096 seek=1 count=40 conv=notrunc 2>/dev/null
for node in 0 1 2; do
	start_node "$node"
done
wait_healthy 3
wait_log 2 "database keep.tdb: healthy again"
for node in 0 1 2; do
	expect committed ctdb_on "$node" pfetch keep.tdb key
done
ls "$file".corrupted.* >/dev/null 2>&1 || fail "the damaged file was not kept"

note "alone with a damaged file it gives up"
for node in 0 1 2; do
	stop_node "$node"
done
dd if=/dev/zero of="$file" bs=4096 seek=1 count=40 conv=notrunc 2>/dev/null
printf '[service]\n\tstartup timeout = 3\n' >>"$(base_of 2)/ctdb.conf"
start_on 2 "$work/alone" sh -c 'exec ctdbd --interactive 2>&1'
wait_for 60 gone "$started" || fail "a node that nobody can heal does not give up"
status=0
wait "$started" || status=$?
[ "$status" -eq 11 ] || fail "exit status $status of a node that nobody can heal"
grep -q 'persistent database keep.tdb is unhealthy: this node starts when' "$work/alone" ||
	fail "it did not say what it was waiting for: $(cat "$work/alone")"
