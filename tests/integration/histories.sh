#!/bin/sh
# Two sides of a cluster go on after each other without meeting (databases.md I31, 12.1 #21): the copy that does not count is kept
# aside with what only it held, every node says so, and all hold the same afterwards.
set -eu
# shellcheck source=support/cluster.sh
. "${CTDB_SOURCE:?}/tests/integration/support/cluster.sh"

# content NODE: of keep.tdb, without headers
content() {
	ctdb_on "$1" catdb keep.tdb | grep '^\(key\|data\)'
}

kept_aside() {
	find "$work" -name 'keep.tdb.*.diverged.*'
}

start_nodes 3
wait_healthy 3
ctdb_on 0 attach keep.tdb persistent
ctdb_on 0 pstore keep.tdb common value || fail pstore

note "node 2 misses three transactions of the others, who are gone when it comes back"
stop_node 2
wait_for 20 state_is 0 2 'DISCONNECTED*' || fail "node 2 does not leave"
for number in 1 2 3; do
	ctdb_on 0 pstore keep.tdb "majority$number" value || fail "no transaction of two"
done
stop_node 0
stop_node 1
start_node 2
ASK=2
wait_healthy 1
expect value ctdb_on 2 pfetch keep.tdb common
ctdb_on 2 pstore keep.tdb alone value || fail "no transaction of one"
[ -z "$(kept_aside)" ] || fail "kept aside too early: $(kept_aside)"

note "the others come back"
start_node 0
start_node 1
wait_healthy 3
content 0 >"$work/content"
for node in 1 2; do
	content "$node" | cmp -s - "$work/content" || fail "nodes 0 and $node differ"
done
grep -q '"common"' "$work/content" || fail "what both had is gone"
majority=$(grep -c '"majority' "$work/content" || true)
alone=$(grep -c '"alone"' "$work/content" || true)
case $majority/$alone in 3/0 | 0/1) ;; *) fail "histories are blended: $(cat "$work/content")" ;; esac
[ -n "$(kept_aside)" ] || fail "nothing is kept aside"
lost=majority1
[ "$majority" -eq 0 ] || lost=alone
for copy in $(kept_aside); do
	tdbdump "$copy" | grep -q "$lost" || fail "$copy lacks $lost"
done
cat "$work"/node.*/log.ctdb | grep 'has another history' | tail -n 1 | cut -d ' ' -f 2- | grep . || fail "nobody says so"
note "counts: $majority of the majority, $alone of the other; $(kept_aside | wc -l) kept aside"
