#!/bin/sh
# Clients that send garbage, half a packet, a length of 4 GiB or nothing at all, and one that dies with a record
# locked: ctdbd logs which client and why, and serves the others on all nodes without loss.
set -eu
# shellcheck source=support/cluster.sh
. "${CTDB_SOURCE:?}/tests/integration/support/cluster.sh"

bad_client=$CTDB_SOURCE/tests/integration/clients/bad_client.py
socket=$work/node.0/run/ctdbd.socket

# send_bytes MODE: a raw connection to ctdbd's socket of node 0; prints what became of it.
send_bytes() {
	python3 "$bad_client" "$socket" "$1"
}

still_serving() {
	expect "$pid" pid_of 0
	for node in 0 1; do
		ctdb_on "$node" writekey test.tdb "key-$1" "value" || fail "no record after $1"
		expect 'Data: size:5 ptr:[value]' ctdb_on "$node" readkey test.tdb "key-$1"
	done
}

another_generation() {
	_now=$(generation_of 0) && [ "$_now" != "$1" ] && [ -n "$_now" ] && [ "$_now" != INVALID ]
}

held() {
	grep -q '^held$' "$work/holder"
}

start_nodes 2
wait_healthy 2
pid=$(pid_of 0)
ctdb_on 0 attach test.tdb
start_on 1 "$work/count" ctdb-test-increment test.tdb counter 1000000 # others at work meanwhile
counting=$started

for mode in garbage text huge short; do
	expect closed send_bytes "$mode"
	still_serving "$mode"
done
wait_log 0 'client [0-9]* disconnected: packet length 4294967280 is not in'
wait_log 0 'client [0-9]* disconnected: packet length 0 is not in'

note "packets that are framed well and are nonsense are dropped or refused, by name"
expect served send_bytes bad-operation
expect served send_bytes bad-lengths
wait_log 0 'packet of client [0-9]* dropped'

note "half a packet, then silence or death"
expect sent send_bytes half-and-die
start_on 0 "$work/half" python3 "$bad_client" "$socket" half-and-stay
half=$started
still_serving half
kill "$half"

note "a flood of connections that say nothing"
expect sent send_bytes many
still_serving many

note "a client leaves in the middle of a persistent update: a recovery looks what became of it"
generation=$(generation_of 0)
expect served send_bytes update-cancelled
still_serving update-cancelled
expect "$generation" generation_of 0
expect served send_bytes update-and-die
wait_log 0 'client [0-9]* left during a persistent update'
wait_for 30 another_generation "$generation" || fail "no recovery after an abandoned update"
still_serving update-and-die

note "a client dies with a record locked: the next one has it, unchanged"
ctdb_on 0 writekey test.tdb held before
start_on 0 "$work/holder" ctdb-test-hold-record test.tdb held
holder=$started
wait_for 30 held || fail "the record is not locked"
start_on 1 "$work/waiter" ctdb -T 60 readkey test.tdb held
waiter=$started
sleep 1 # it has to wait
kill -0 "$waiter" || fail "node 1 got a record that is locked on node 0"
still_serving held # other records (I10)
kill -9 "$holder"
wait "$holder" || true
wait "$waiter" || fail "node 1 did not get the record"
expect 'Data: size:6 ptr:[before]' cat "$work/waiter"
still_serving death

kill -TERM "$counting"
wait "$counting" || fail "the client on node 1 was disturbed"
count=$(cat "$work/count")
[ "$count" -gt 0 ] || fail "nothing was counted"
expect "Data: size:${#count} ptr:[$count]" ctdb_on 0 readkey test.tdb counter
note "$count additions meanwhile, none lost"
wait_healthy 2
