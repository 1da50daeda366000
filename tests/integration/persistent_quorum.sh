#!/bin/sh
# [database] persistent quorum = majority: one node of three takes no persistent transaction, two do.
set -eu
EXTRA_CONF="[database]
	persistent quorum = majority"
# shellcheck source=support/cluster.sh
. "$CTDB_SOURCE/tests/integration/support/cluster.sh"

stored() {
	timeout 10 env CTDB_TEST_MODE=yes CTDB_BASE="$(base_of 0)" "$CTDB_BIN/ctdb" pstore quorum.tdb key "$1" >/dev/null 2>&1
}

start_nodes 3
wait_healthy 3
ctdb_on 0 attach quorum.tdb persistent
stored all || fail 'three of three nodes do not store'

kill_node 2
wait_for 30 stored two || fail 'two of three nodes do not store'

kill_node 1
refused_for_want_of_quorum() {
	! stored one || fail 'one of three nodes stores'
	grep -q 'persistent quorum: 1 of 3 nodes' "$(base_of 0)/log.ctdb"
}
wait_for 60 refused_for_want_of_quorum || fail 'the log does not name the quorum'
expect two ctdb_on 0 pfetch quorum.tdb key

start_node 1
start_node 2
wait_healthy 3 60
wait_for 30 stored again || fail 'three nodes do not store again'
expect again ctdb_on 2 pfetch quorum.tdb key
