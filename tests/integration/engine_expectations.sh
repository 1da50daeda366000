#!/bin/sh
# What upstream's own tests of its databases expect of the engine (databases.md, Appendix A), with real daemons and files. Which other tests
# show the rest of it stands in doc/database-defects.md.
set -eu
# shellcheck source=support/cluster.sh
. "${CTDB_SOURCE:?}/tests/integration/support/cluster.sh"

keys() { # NODE DB PREFIX FROM COUNT ACTION [TEXT]
	_at_keys=$1
	shift
	on_node "$_at_keys" "$CTDB_BIN/ctdb-test-keys" "$@" || fail "node $_at_keys: keys $*"
}

recovered_since() { # NODE GENERATION
	_generation=$(generation_of "$1") && [ -n "$_generation" ] && [ "$_generation" != "$2" ] &&
		ctdb_on "$1" status | grep -q '^Recovery mode:NORMAL'
}
recover() { # on NODE; every node is through it
	_before_it=$(generation_of "$1")
	ctdb_on "$1" recover
	for _recovering in 0 1 2; do
		wait_for 30 recovered_since "$_recovering" "$_before_it" || fail "no recovery on node $_recovering"
	done
}

# content NODE DB: keys and values of the node's own file, in order.
content() {
	ctdb_on "$1" cattdb "$2" | awk '/^key/ { key = $0 } /^data/ { print key, $0 }' | sort
}
same_content() { # DB RECORDS
	content 0 "$1" >"$work/content.0"
	[ "$(wc -l <"$work/content.0")" -eq "$2" ] || fail "$1 has $(wc -l <"$work/content.0") records, not $2"
	for _node in 1 2; do
		content "$_node" "$1" | cmp -s - "$work/content.0" || fail "$1 on node $_node differs from node 0"
	done
}

has_database() { # NODE NAME KIND
	ctdb_on "$1" getdbmap | grep -q "name:$2 path:[^ ]*$3\$"
}

check_late_attach() {
	note "what is attached while a node is away is there when it comes back, of its kind (basics.002)"
	stop_node 2
	wait_state 2 'DISCONNECTED|UNHEALTHY|INACTIVE' 0
	ctdb_on 0 attach latev.tdb
	ctdb_on 0 attach latep.tdb persistent
	ctdb_on 1 attach later.tdb replicated
	start_node 2
	wait_healthy 3
	has_database 2 latev.tdb '' || fail "latev.tdb is not on node 2"
	has_database 2 latep.tdb ' PERSISTENT' || fail "latep.tdb is not persistent on node 2"
	has_database 2 later.tdb ' REPLICATED' || fail "later.tdb is not replicated on node 2"
}

check_wipe_and_restore() {
	note "10000 records wiped and restored: the same on every node, the generation stays (basics.004, basics.010)"
	awk 'BEGIN { for (i = 0; i < 10000; i++) printf "\"key%d\" \"value%d\"\n", i, i }' >"$work/pairs"
	ctdb_on 0 attach keep.tdb persistent
	ctdb_on 0 ptrans keep.tdb "$work/pairs" || fail ptrans
	same_content keep.tdb 10001 # and the sequence number
	content 0 keep.tdb >"$work/before"
	_epoch=$(generation_of 0)
	ctdb_on 1 backupdb keep.tdb "$work/backup"
	ctdb_on 0 wipedb keep.tdb
	same_content keep.tdb 0
	ctdb_on 2 restoredb "$work/backup"
	same_content keep.tdb 10001
	cmp -s "$work/before" "$work/content.0" || fail "what was restored differs from what was backed up"
	for _node in 0 1 2; do
		expect "$_epoch" generation_of "$_node"
	done
}

# hot NODE: the used slots, count and key, as listed.
hot() {
	ctdb_on "$1" dbstatistics hot.tdb | sed -n 's/^ *Count:\([1-9][0-9]*\) Key:\([0-9a-f][0-9a-f]*\)$/\1 \2/p'
}
check_hot_keys() {
	note "records that go round are hot keys on every node, one slot each, in ascending order (fetch.001)"
	ctdb_on 0 attach hot.tdb
	for _round in 1 2 3 4; do
		for _node in 0 1 2; do
			for _key in a b c; do
				ctdb_on "$_node" writekey hot.tdb "hot-$_key" "$_round"
			done
		done
	done
	for _node in 0 1 2; do
		hot "$_node" >"$work/hot"
		_keys=$(cut -d ' ' -f 2 "$work/hot" | sort | tr '\n' ' ')
		[ "$_keys" = '686f742d61 686f742d62 686f742d63 ' ] || fail "hot keys of node $_node: $_keys"
		sort -n -s -k 1,1 "$work/hot" | cmp -s - "$work/hot" || fail "hot keys of node $_node: $(cat "$work/hot")"
	done
	ctdb_on 1 statisticsreset
	[ -z "$(hot 1)" ] || fail "hot keys after statisticsreset: $(hot 1)"
	[ "$(hot 0 | wc -l)" -eq 3 ] || fail "the statistics of node 0 went with those of node 1"
}

check_changes_after_a_recovery() {
	note "what the leader changes after a recovery stays through the next (recovery.001)"
	_leader=$(leader_of 0)
	ctdb_on "$_leader" writekey test.tdb changed one
	recover "$_leader"
	ctdb_on "$_leader" writekey test.tdb changed two
	recover "$_leader"
	for _node in 0 1 2; do
		expect 'Data: size:3 ptr:[two]' ctdb_on "$_node" readkey test.tdb changed
	done
}

check_small_buffers() {
	note "records larger than the buffers of a recovery survive it (recovery.002)"
	for _node in 0 1 2; do
		ctdb_on "$_node" setvar RecBufferSizeLimit 10000
	done
	_large=$(head -c 10240 /dev/zero | tr '\0' l)
	_small=$(head -c 1024 /dev/zero | tr '\0' s)
	ctdb_on 0 attach large.tdb persistent
	_i=0
	while [ "$_i" -lt 45 ]; do
		ctdb_on $((_i % 3)) pstore large.tdb "key$_i" "$_large"
		_i=$((_i + 1))
	done
	keys 1 test.tdb small 0 1234 write "$_small"
	recover 0
	same_content large.tdb 46
	[ "$(grep -c "data(10240) = \"$_large\"$" "$work/content.0")" -eq 45 ] || fail "large records were changed"
	for _node in 0 1 2; do
		keys "$_node" test.tdb small 0 1234 expect "$_small"
		ctdb_on "$_node" setvar RecBufferSizeLimit 1000000
	done
}

check_deleted_while_away() {
	note "what is deleted while the node that had it is stopped stays deleted (recovery.003)"
	_victim=$((($(leader_of 0) + 1) % 3))
	_other=$(((_victim + 1) % 3))
	keys "$_other" test.tdb away 0 20 write value
	keys "$_victim" test.tdb away 0 20 write value
	ctdb_on "$_other" -n "$_victim" stop
	keys "$_other" test.tdb away 0 20 write again
	keys "$_other" test.tdb away 0 20 delete
	ctdb_on "$_other" -n "$_victim" continue
	wait_healthy 3
	for _node in 0 1 2; do
		keys "$_node" test.tdb away 0 20 expect ''
	done
}

# Adds one to a number of its own in a transaction, again and again; what was acknowledged last is in acked.N.
transactions() {
	_number=0
	until [ -e "$work/enough" ]; do
		_next=$((_number + 1))
		if printf '"client%s" "%s"\n' "$1" "$_next" | ctdb_on "$1" -T 60 ptrans copy.tdb >/dev/null 2>&1; then
			_number=$_next
			printf '%s\n' "$_number" >"$work/acked.$1.new"
			mv "$work/acked.$1.new" "$work/acked.$1"
		fi
	done
}
beyond() { # NODE NUMBER
	[ "$(cat "$work/acked.$1" 2>/dev/null || echo 0)" -gt "$2" ]
}
check_transactions() {
	note "counters of a replicated database never fall, with recoveries in between (transaction.002, 003, 010)"
	ctdb_on 0 attach copy.tdb replicated
	_clients=
	for _node in 0 1 2; do
		transactions "$_node" &
		_clients="$_clients $!"
		extra_processes="$extra_processes $!"
	done
	for _round in 1 2 3 4; do
		for _client in 0 1 2; do
			_acked=$(cat "$work/acked.$_client" 2>/dev/null || echo 0)
			wait_for 60 beyond "$_client" "$_acked" || fail "client $_client hangs after transaction $_acked"
		done
		recover $((_round % 3))
		for _client in 0 1 2; do
			_acked=$(cat "$work/acked.$_client")
			for _node in 0 1 2; do
				_there=$(ctdb_on "$_node" pfetch copy.tdb "client$_client")
				[ "$_there" -ge "$_acked" ] || fail "node $_node: client $_client was told of $_acked, there is $_there"
			done
		done
	done
	: >"$work/enough"
	# shellcheck disable=SC2086 # a list
	wait $_clients
	same_content copy.tdb 4
}

vnn_map_has() {
	ctdb_on 0 status | grep -q "^Size:$1\$"
}
check_traverse() {
	note "a traverse has each record once, with its newest value, without LMASTER on a writer's node too (traverse.001, 002)"
	for _role in on off; do
		if [ "$_role" = off ]; then
			ctdb_on 2 setlmasterrole off
			wait_for 30 vnn_map_has 2 || fail "node 2 is still a location master"
			wait_for 30 recovered_since 2 none || fail "no recovery"
		fi
		ctdb_on 0 attach "all$_role.tdb"
		for _value in old new; do
			for _node in 0 1 2; do
				_from=$((_node * 300))
				[ "$_value" = old ] || _from=$(((_node + 1) % 3 * 300))
				keys "$_node" "all$_role.tdb" key "$_from" 300 write "$_value$_from"
			done
		done
		for _node in 0 1 2; do
			ctdb_on "$_node" catdb "all$_role.tdb" >"$work/all"
			[ "$(grep -c '^key' "$work/all")" -eq 900 ] || fail "node $_node sees $(grep -c '^key' "$work/all") records of 900"
			[ "$(grep '^key' "$work/all" | sort -u | wc -l)" -eq 900 ] || fail "node $_node sees a record twice"
			[ "$(grep -c '^data([0-9]*) = "new' "$work/all")" -eq 900 ] || fail "node $_node sees old values"
		done
	done
}

start_nodes 3
wait_healthy 3
ctdb_on 0 attach test.tdb
[ $# -gt 0 ] || set -- late_attach wipe_and_restore hot_keys changes_after_a_recovery small_buffers deleted_while_away \
	transactions traverse
for subject; do
	"check_$subject"
done
