# shellcheck shell=sh
# A mixed cluster for one test: nodes 0 and 1 are ours, node 2 is Debian's ctdbd. start_mixed, on NODE args. Sourced.
#
# Lines for every node's ctdb.tunables in $TUNABLES. Exit 77: Debian's package is not installed.

if ! [ -x /usr/sbin/ctdbd ] || ! [ -x /usr/bin/ctdb ]; then
	printf 'Debian package ctdb is not installed\n'
	exit 77
fi
# shellcheck source=../integration/support/cluster.sh
. "${CTDB_SOURCE:?}/tests/integration/support/cluster.sh"
theirs=$work/theirs

# Ends Debian's daemon before the clean-up of the sourced file removes the directory.
finish() {
	_end=$?
	trap - EXIT
	set +e
	_debian=$(cat "$theirs/run/ctdbd.pid" 2>/dev/null) || _debian=
	if [ -n "$_debian" ] && kill -TERM "$_debian" 2>/dev/null; then
		wait_for 20 gone "$_debian" || kill -9 "$_debian" 2>/dev/null || true
	fi
	(exit "$_end")
	clean_up
}
trap finish EXIT

# on NODE ARGUMENTS: that node's own tool.
on() {
	if [ "$1" -eq 2 ]; then
		shift
		env CTDB_TEST_MODE=1 CTDB_BASE="$theirs" /usr/bin/ctdb "$@"
	else
		ctdb_on "$@"
	fi
}

# with NODE COMMAND...: a client of that node.
with() {
	if [ "$1" -eq 2 ]; then
		shift
		env CTDB_TEST_MODE=1 CTDB_BASE="$theirs" PATH="$CTDB_BIN:$PATH" "$@"
	else
		on_node "$@"
	fi
}

start_mixed() {
	start_nodes 2 3
	mkdir -p "$theirs/run" "$theirs/var" "$theirs/events/legacy" "$theirs/events/notification"
	mkdir -p "$theirs/db/volatile" "$theirs/db/persistent" "$theirs/db/state"
	cp "$work/nodes" "$theirs/nodes"
	printf '%s\n' "${TUNABLES:-}" >"$theirs/ctdb.tunables"
	cat >"$theirs/ctdb.conf" <<-CONF
		[logging]
		    location = file:$theirs/log.ctdb
		    log level = NOTICE
		[cluster]
		    cluster lock = $work/cluster.lock
		    node address = $net.3
		[database]
		    volatile database directory = $theirs/db/volatile
		    persistent database directory = $theirs/db/persistent
		    state database directory = $theirs/db/state
	CONF
	CTDB_TEST_MODE=1 CTDB_BASE=$theirs /usr/sbin/ctdbd
	wait_healthy 3 60
}
