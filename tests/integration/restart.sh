#!/bin/sh
# The whole cluster is stopped and started again: persistent databases are as they were, volatile and
# replicated ones start empty.
set -eu
# shellcheck source=support/cluster.sh
. "${CTDB_SOURCE:?}/tests/integration/support/cluster.sh"

start_nodes 3
wait_healthy 3
ctdb_on 0 attach keep.tdb persistent
ctdb_on 0 attach copy.tdb replicated
ctdb_on 0 attach test.tdb
i=0
while [ "$i" -lt 20 ]; do
	printf '"key%s" "value%s"\n' "$i" "$i"
	i=$((i + 1))
done | ctdb_on 1 ptrans keep.tdb || fail ptrans
ctdb_on 0 pstore copy.tdb key value
ctdb_on 0 writekey test.tdb key value
sequence=$(ctdb_on 0 getdbseqnum keep.tdb)
ctdb_on 0 catdb keep.tdb | grep '^\(key\|data\)' >"$work/before"

for node in 0 1 2; do
	stop_node "$node"
	wait_for 10 no_processes "$node" || fail "processes of node $node stay: $(processes_of "$node")"
done
note "stopped; starting in another order"
for node in 2 0 1; do
	start_node "$node"
done
wait_healthy 3
for node in 0 1 2; do
	expect "$sequence" ctdb_on "$node" getdbseqnum keep.tdb
	expect value7 ctdb_on "$node" pfetch keep.tdb key7
	ctdb_on "$node" catdb keep.tdb | grep '^\(key\|data\)' >"$work/after"
	cmp -s "$work/before" "$work/after" || fail "keep.tdb on node $node is not as it was"
done
ctdb_on 0 attach copy.tdb replicated
ctdb_on 0 attach test.tdb
ctdb_on 1 catdb copy.tdb | grep -q '"key"' && fail "a replicated database outlived its cluster"
expect 'Data: size:0 ptr:[]' ctdb_on 2 readkey test.tdb key
