#!/bin/sh
# The nodes list changes while the cluster runs: reloadnodes takes a node in and out again, and refuses lists that differ or
# would break the cluster.
set -eu
# shellcheck source=support/cluster.sh
. "${CTDB_SOURCE:?}/tests/integration/support/cluster.sh"

# on_lists COMMAND...: for the nodes list of each node.
on_lists() {
	for _list in "$work"/node.*/nodes; do
		"$@" "$_list"
	done
}

append() { # LINE, of all lists
	for _list in "$work"/node.*/nodes; do
		printf '%s\n' "$1" >>"$_list"
	done
}

# refused TEXT: reloadnodes fails with that line on stderr.
refused() {
	if ctdb_on 0 reloadnodes >"$work/out" 2>&1; then
		fail "reloadnodes accepts it: $(cat "$work/out")"
	fi
	grep -qF "$1" "$work/out" || fail "reloadnodes says: $(cat "$work/out"); expected: $1"
}

start_nodes 3
wait_healthy 3
expect 'No change in nodes file, skipping unnecessary reload' ctdb_on 0 reloadnodes

note "a new node at the end is known at once and becomes a member"
append "$net.4"
expect 'Node 3 is NEW' ctdb_on 0 reloadnodes
wait_state 3 '*DISCONNECTED*' 0 1 2
nodes=4
cp "$(base_of 0)/nodes" "$work/nodes"
configure 3
start_node 3
wait_healthy 4
ctdb_on 3 attach list.tdb
ctdb_on 3 writekey list.tdb key value
expect 'Data: size:5 ptr:[value]' ctdb_on 0 readkey list.tdb key

note "lists that differ, a changed address, a connected node taken out, a missing line: refused, all stays"
sed -i '$d' "$(base_of 1)/nodes"
refused 'ERROR: Nodes file on node 1 differs from current node (0)'
cp "$(base_of 0)/nodes" "$(base_of 1)/nodes"
on_lists sed -i "s/^$net\.4\$/$net.5/"
refused "Node 3 has changed IP address (was $net.4, now $net.5)"
on_lists sed -i "s/^$net\.5\$/#$net.4/"
refused 'ERROR: Node 3 is still connected'
on_lists sed -i 4d
refused "Node 3 ($net.4) missing from nodes file"
append "$net.4"
healthy 4 || fail "refused changes have done something"

note "once stopped it is taken out, and back in"
stop_node 3
wait_state 3 '*DISCONNECTED*' 0 1 2
on_lists sed -i "s/^$net\.4\$/#$net.4/"
expect 'Node 3 is DELETED' ctdb_on 0 reloadnodes
expect "$(head -n 3 "$(base_of 0)/nodes")" ctdb_on 1 listnodes
ctdb_on 2 status | grep -q '^Number of nodes:4 (including 1 deleted nodes)$' || fail "node 2 counts the deleted node"
on_lists sed -i "s/^#$net\.4\$/$net.4/"
expect 'Node 3 is UNDELETED' ctdb_on 0 reloadnodes
start_node 3
wait_healthy 4
