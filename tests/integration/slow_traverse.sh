#!/bin/sh
# A client asks for a traverse and does not read: its node takes in a bounded part of what the others have and serves everybody else; when the
# client reads, it gets every record (databases.md I28, doc/decisions/0074).
set -eu
# shellcheck source=support/cluster.sh
. "${CTDB_SOURCE:?}/tests/integration/support/cluster.sh"

records=2500 # on each of two other nodes, of 16 kB: 80 MB
grown_max=40000 # kB: 4 MB unread, and 1 MB and full sockets from each node, with room to spare

memory_of() { # kB
	awk '/^RssAnon:/ { print $2 }' "/proc/$(pid_of "$1")/status"
}

# Nothing more arrives: the memory is the same twice, a second apart.
settled() {
	_was=$(memory_of 0)
	sleep 1
	[ "$(memory_of 0)" -le $((_was + 200)) ]
}

start_nodes 3
wait_healthy 3
ctdb_on 0 attach big.tdb
value=$(head -c 16000 /dev/zero | tr '\0' x)
for node in 1 2; do
	on_node "$node" ctdb-test-keys big.tdb "key" "$((node * records))" "$records" write "$value" || fail "writing records"
done
id=$(ctdb_on 0 getdbmap | sed -n 's/^dbid:\(0x[0-9a-f]*\) name:big.tdb .*/\1/p')

before=$(memory_of 0)
start_on 0 "$work/slow" python3 "$CTDB_SOURCE/tests/integration/clients/slow_traverse.py" "$(base_of 0)/run/ctdbd.socket" "$id" "$work/go"
client=$started
wait_for 10 grep -q asked "$work/slow" || fail "the traverse does not begin"
wait_for 10 settled || fail "node 0 goes on growing: $before kB, $(memory_of 0) kB"
grown=$(($(memory_of 0) - before))
note "node 0 has grown by $grown kB"
[ "$grown" -le "$grown_max" ] || fail "node 0 took in $grown kB for a client that does not read"
on_node 0 ctdb-test-keys big.tdb other 0 20 write served || fail "other clients are not served"
ctdb_on 0 ping -n 1 >/dev/null || fail "node 1 does not answer through node 0"

: >"$work/go"
wait "$client" || fail "the client"
expect "$((2 * records))" sed -n 2p "$work/slow"
