#!/bin/sh
# A client keeps a record that others want: after ten seconds ctdbd says so, with database and key, and runs the
# configured lock debug script with what it needs to find the holder (databases.md 4.2).
set -eu
# shellcheck source=support/cluster.sh
. "${CTDB_SOURCE:?}/tests/integration/support/cluster.sh"

for node in 0 1; do
	mkdir -p "$(base_of "$node")"
	# shellcheck disable=SC2016 # for the script
	printf '#!/bin/sh\nprintf "%%s\\n" "$*" >"${0%%/*}/asked.new"\nmv "${0%%/*}/asked.new" "${0%%/*}/asked"\n' \
		>"$(base_of "$node")/who_holds.sh"
	chmod 700 "$(base_of "$node")/who_holds.sh"
done
EXTRA_CONF="[database]
	lock debug script = who_holds.sh"

script_ran() {
	[ -s "$work/node.0/asked" ]
}
held() {
	grep -q '^held$' "$work/holder"
}

start_nodes 2
wait_healthy 2
ctdb_on 0 attach test.tdb
ctdb_on 0 writekey test.tdb key value
start_on 0 "$work/holder" ctdb-test-hold-record test.tdb key
wait_for 30 held || fail "the record is not locked"
start_on 1 "$work/reader" ctdb -T 100 readkey test.tdb key
wait_log 0 'Unable to get RECORD lock on database test.tdb for 1[0-9] seconds (key 6b6579)' 60
wait_for 60 script_ran || fail "the lock debug script did not run"
read -r agent what path how <"$work/node.0/asked"
[ "$agent" -gt 1 ] || fail "'$agent' is no process"
expect "RECORD $work/node.0/var/volatile/test.tdb.0" printf '%s %s' "$what" "$path"
case "$how" in
MUTEX | FCNTL) ;;
*) fail "'$how' is no kind of lock" ;;
esac
