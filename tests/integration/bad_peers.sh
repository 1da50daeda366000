#!/bin/sh
# A peer that accepts and closes, says nothing, sends another magic, another protocol, a length of 4 GiB, garbage, or
# keepalives of another or very old release: the node logs which peer and why, does not die, and the good
# nodes go on serving.
set -eu
# shellcheck source=support/cluster.sh
. "${CTDB_SOURCE:?}/tests/integration/support/cluster.sh"

listening() {
	grep -q listening "$work/peer"
}

# meet MODE REGEX: node 2 behaves like that towards node 0, whose log says so.
meet() {
	note "a peer of kind: $1"
	log=$(base_of 0)/log.ctdb
	from=$(($(wc -l <"$log") + 1))
	: >"$work/peer"
	start_on 2 "$work/peer" python3 "$CTDB_SOURCE/tests/integration/clients/bad_peer.py" "$net.3" 2 "$net.1" "$1"
	wait_for 20 listening || fail "the peer does not listen"
	wait_for 30 said "$2" || fail "log of node 0 lacks: $2"
	note "  $(tail -n "+$from" "$log" | grep -e "$2" | head -n 1 | cut -d ' ' -f 2-)"
	expect "$pid" pid_of 0
	ctdb_on 0 ping >/dev/null || fail "node 0 does not answer"
	kill "$started"
	wait "$started" 2>/dev/null || true
}

said() {
	tail -n "+$from" "$log" | grep -q -e "$1"
}

only_two() {
	state_is 0 0 OK && state_is 0 1 OK && state_is 1 0 OK && state_is 1 1 OK &&
		ctdb_on 0 status | grep -q '^pnn:2 .*DISCONNECTED' && ctdb_on 0 status | grep -q '^Size:2$'
}

TUNABLES='KeepaliveInterval=1
KeepaliveLimit=3'
start_nodes 2 3
wait_for 40 only_two || fail "two nodes of three do not become a cluster"
pid=$(pid_of 0)
ctdb_on 0 attach keep.tdb persistent
ctdb_on 0 pstore keep.tdb key value

meet close 'node 2 .*closed by the peer'
meet magic 'node 2.* bad packet: .*magic'
meet protocol 'node 2.* bad packet: .*version'
meet huge 'node 2.* packet length 4294967288 is not in'
meet garbage 'node 2.* packet length [0-9]* is not in'
meet old 'node 2 announces no version: a release before 4.7'
meet foreign 'packet from node 2 dropped: destination is another node'
meet version 'node 2 announces version 0x30006, not ours'
meet silent 'node 2.*no packet in [0-9]* keepalive intervals'

note "afterwards two healthy nodes with all data"
wait_for 60 only_two || { ctdb_on 0 status; fail "the two nodes are not as before"; }
for node in 0 1; do
	expect value ctdb_on "$node" pfetch keep.tdb key
	ctdb_on "$node" pstore keep.tdb "from-$node" later || fail "no transaction on node $node"
done
