#!/bin/sh
# Copies to read (databases.md 3) with real daemons and files: given to readers, ended before a writer gets the record, ended
# by a recovery when the reader's node dies.
set -eu
# shellcheck source=support/cluster.sh
. "${CTDB_SOURCE:?}/tests/integration/support/cluster.sh"

# flags_on NODE DB: of the one record, as the node's file has them.
flags_on() {
	ctdb_on "$1" cattdb "$2" | sed -n 's/^flags: 0x[0-9a-f]* *//p'
}

# has_flag NODE FLAG DB, lacks_flag NODE FLAG DB
has_flag() {
	case " $(flags_on "$1" "$3") " in *" $2 "*) true ;; *) false ;; esac
}
lacks_flag() {
	! has_flag "$@"
}

shown() { # NODE DB WORD
	ctdb_on "$1" getdbmap | grep -q "name:$2 .* $3\$"
}

statistic() { # NODE NAME
	ctdb_on "$1" statistics | awk -v name="$2" '$1 == name { print $2 }'
}

readers_share() {
	for _reader in 1 2; do
		expect "Data: size:${#1} ptr:[$1]" ctdb_on "$_reader" readkey ro.tdb key readonly
		has_flag "$_reader" RO_HAVE_READONLY ro.tdb || fail "node $_reader has no copy to read: $(flags_on "$_reader" ro.tdb)"
		lacks_flag "$_reader" RO_HAVE_DELEGATIONS ro.tdb || fail "node $_reader delegates"
	done
	has_flag 0 RO_HAVE_DELEGATIONS ro.tdb || fail "node 0 does not delegate: $(flags_on 0 ro.tdb)"
	lacks_flag 0 RO_HAVE_READONLY ro.tdb || fail "the dmaster has a copy"
}

start_nodes 3
wait_healthy 3

note "attributes"
ctdb_on 0 attach ro.tdb readonly
ctdb_on 0 attach sticky.tdb sticky
ctdb_on 0 attach keep.tdb persistent
for node in 0 1 2; do
	shown "$node" ro.tdb READONLY || fail "node $node: ro.tdb is not READONLY"
	shown "$node" sticky.tdb STICKY || fail "node $node: sticky.tdb is not STICKY"
done
ctdb_on 0 setdbreadonly ro.tdb || fail "twice is an error"
! ctdb_on 0 setdbreadonly keep.tdb 2>/dev/null || fail "a persistent database is READONLY"
! ctdb_on 0 setdbsticky keep.tdb 2>/dev/null || fail "a persistent database is STICKY"

note "copies are given"
ctdb_on 0 writekey ro.tdb key one
readers_share one
[ "$(statistic 0 total_ro_delegations)" = 2 ] || fail "delegations: $(statistic 0 total_ro_delegations)"

note "a writer ends them"
ctdb_on 0 writekey ro.tdb key two
for node in 0 1 2; do
	lacks_flag "$node" RO_HAVE_DELEGATIONS ro.tdb || fail "node $node still delegates"
	lacks_flag "$node" RO_HAVE_READONLY ro.tdb || fail "node $node still reads"
done
[ "$(statistic 0 total_ro_revokes)" = 1 ] || fail "revokes: $(statistic 0 total_ro_revokes)"
for node in 1 2; do # its copy was ended by one update
	[ "$(statistic "$node" childwrite_calls)" = 1 ] || fail "node $node: updates: $(statistic "$node" childwrite_calls)"
	[ "$(statistic "$node" pending_childwrite_calls)" = 0 ] || fail "node $node: an update is not answered"
done
readers_share two

note "a writer elsewhere ends them too"
ctdb_on 1 writekey ro.tdb key three
expect "Data: size:5 ptr:[three]" ctdb_on 2 readkey ro.tdb key readonly
ctdb_on 0 writekey ro.tdb key four
readers_share four

note "the node of a reader dies"
kill_node 2
ctdb_on 0 writekey ro.tdb key five || fail "the writer is not served without node 2"
expect "Data: size:4 ptr:[five]" ctdb_on 1 readkey ro.tdb key readonly

note "a recovery ends all"
ctdb_on 1 readkey ro.tdb key readonly >/dev/null
ctdb_on 0 recover
wait_for 30 lacks_flag 0 RO_HAVE_DELEGATIONS ro.tdb || fail "delegations outlive a recovery"
expect "Data: size:4 ptr:[five]" ctdb_on 1 readkey ro.tdb key
