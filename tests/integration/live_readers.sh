#!/bin/sh
# Processes that read the database files past ctdbd, as Samba does, while transactions are committed, recoveries run and one is broken off by the
# death of a node: they see old or new content, never a part (databases.md I13). Then processes that read their copies while others write: never
# anything older than what was written before (I22).
set -eu
# shellcheck source=support/cluster.sh
. "${CTDB_SOURCE:?}/tests/integration/support/cluster.sh"
# shellcheck source=support/transactions.sh
. "$CTDB_SOURCE/tests/integration/support/transactions.sh"

value=the-same-value-of-every-record
readers=

# read_file NODE OUTPUT DIRECTORY DB ...: a reader of the node's file, in the background
read_file() {
	_reader=$1 _file="$(base_of "$1")/var/$3/$4.$1" _out=$2
	shift 4
	start_on "$_reader" "$_out" ctdb-test-read-file "$_file" "$@"
	readers="$readers $started"
}

end_readers() {
	for _pid in $readers; do
		kill -TERM "$_pid" 2>/dev/null || true
	done
	for _pid in $readers; do
		wait "$_pid" || fail "$1"
	done
	readers=
}

recover() { # NODE
	_before=$(generation_of 0)
	ctdb_on "$1" recover
	for _node in 0 1; do
		wait_for 20 recovered_since "$_node" "$_before" || fail "node $_node has not recovered"
	done
}

export TUNABLES='RerecoveryTimeout=1'
start_nodes 3
wait_healthy 3
ctdb_on 0 attach test.tdb
ctdb_on 0 attach keep.tdb persistent
ctdb_on 0 attach fresh.tdb readonly
for node in 0 1 2; do
	on_node "$node" ctdb-test-keys test.tdb key "$((node * 100))" 100 write "$value" || fail "writing records"
done
printf '"one" "0"\n"two" "0"\n' | ctdb_on 0 ptrans keep.tdb || fail ptrans
recover 0 # every node has every record from here on

note "files are read while transactions and recoveries come"
for node in 0 1; do
	read_file "$node" "$work/same.$node" volatile test.tdb 0x1c41 same key 300 "$value"
	read_file "$node" "$work/pair.$node" persistent keep.tdb 0x400 pair one two
done
transactions 0 &
committing=$!
extra_processes="$extra_processes $committing"
for node in 0 1 2; do
	recover "$node"
done
ctdb_on 0 recover &
asked=$!
extra_processes="$extra_processes $asked"
kill_node 2 # in the middle of it
wait "$asked" || true
wait_state 2 'DISCONNECTED|*' 0 1
before=$(acked)
wait_for 20 advanced "$((before + 3))" || fail "no transactions after the death of node 2"
: >"$work/enough"
wait "$committing" || fail "the client"
end_readers "a reader saw what was neither old nor new"
for out in "$work"/same.? "$work"/pair.?; do
	[ "$(cat "$out")" -gt 100 ] || fail "$out: only $(cat "$out") reads"
done
note "$(cat "$work"/same.? "$work"/pair.? | awk '{ sum += $1 } END { print sum }') reads, $(acked) transactions"

note "copies are read while others write"
start_node 2
wait_healthy 3
for node in 0 1 2; do
	start_on "$node" "$work/written.$node" ctdb-test-fresh-reads fresh.tdb number "$work/noted" write
	readers="$readers $started"
	start_on "$node" "$work/read.$node" ctdb-test-fresh-reads fresh.tdb number "$work/noted" read
	readers="$readers $started"
done
delegated() {
	[ "$(for _n in 0 1 2; do ctdb_on "$_n" statistics; done | awk '$1 == "total_ro_revokes" { sum += $2 } END { print sum }')" -ge 20 ]
}
wait_for 20 delegated || fail "hardly any copy was given and ended"
recover 1
sleep 1
end_readers "a reader saw an old value, or a client failed"
written=$(cat "$work"/written.? | awk '{ sum += $1 } END { print sum }')
note "$(cat "$work"/read.? | awk '{ sum += $1 } END { print sum }') reads, $written writes"
expect "Data: size:${#written} ptr:[$written]" ctdb_on 0 readkey fresh.tdb number
