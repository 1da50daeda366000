#!/bin/sh
# The processes that wait for locks in ctdbd's place are killed under load, again and again (databases.md I29): ctdbd goes on, no
# addition and no transaction is lost, nothing stays locked.
set -eu
# shellcheck source=support/cluster.sh
. "${CTDB_SOURCE:?}/tests/integration/support/cluster.sh"

agents_of() {
	for _process in $(processes_of "$1"); do
		case $(tr '\0' ' ' <"/proc/$_process/cmdline" 2>/dev/null) in
		*ctdb-lock-agent*) printf '%s\n' "$_process" ;;
		esac
	done
}

start_nodes 2
wait_healthy 2
ctdb_on 0 attach test.tdb
ctdb_on 0 attach keep.tdb persistent
pids="$(pid_of 0) $(pid_of 1)"
counting=
for client in 0 1 2; do # two on one node: they meet at the lock
	start_on "$((client % 2))" "$work/count.$client" ctdb-test-increment test.tdb counter 1500 --pause-us 500
	counting="$counting $started"
done
killed=0
i=0
while [ "$i" -lt 8 ]; do
	for node in 0 1; do
		ctdb_on "$node" pstore keep.tdb "key$i" "value$i" || fail "transaction $i on node $node"
		for agent in $(agents_of "$node"); do
			if kill -9 "$agent" 2>/dev/null; then
				killed=$((killed + 1))
			fi
		done
	done
	i=$((i + 1))
done
[ "$killed" -gt 0 ] || fail "there was no agent to kill"
for client in $counting; do
	wait "$client" || fail "a client has failed"
done
expect "$pids" echo "$(pid_of 0) $(pid_of 1)"
sum=$(cat "$work"/count.* | awk '{ sum += $1 } END { print sum }')
for node in 0 1; do
	expect "Data: size:${#sum} ptr:[$sum]" ctdb_on "$node" readkey test.tdb counter
	expect value7 ctdb_on "$node" pfetch keep.tdb key7
done
note "a recovery freezes everything: nothing stays locked"
ctdb_on 1 recover || fail "recover"
wait_healthy 2
expect "Data: size:${#sum} ptr:[$sum]" ctdb_on 0 readkey test.tdb counter
note "$killed agents killed, $sum additions there"
