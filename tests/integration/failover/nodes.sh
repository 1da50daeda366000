# shellcheck shell=sh
# Nodes in test mode in network namespaces: the programs of the build, a directory of its own for each. Sourced by the tests of this
# folder; everything is ended and removed when the test ends. Its `also_finish` (ends what it has started; shows what it knows when
# "$1" is not 0) is called before that.
# shellcheck disable=SC2034,SC2154 # names shared with namespaces.sh and the tests

: "${CTDB_BIN:?directory of the built programs}" "${CTDB_SOURCE:?source directory}"
if [ "$(id -u)" -ne 0 ] || ! ip netns add "ctdb$$-try" 2>/dev/null; then
	echo 'skipped: needs root and network namespaces'
	exit 77
fi
ip netns delete "ctdb$$-try"

work=$(mktemp -d /tmp/ctdb-failover.XXXXXX)
build=${CTDB_BIN%/bin}
# shellcheck source=/dev/null
. "$CTDB_SOURCE/tools/dev/namespaces.sh"

public6=fd00:78:
public_addresses="$public.101 $public.102 $public.103 $public.104 $public.105 $public.106 $public6:101 $public6:102 $public6:103"

failed() {
	printf 'FAILED: %s\n' "$*"
	exit 1
}

also_finish() {
	:
}
# One value for all: `wait_for` and its kin print nothing.
finish() {
	_status=$?
	trap - EXIT INT TERM
	if [ "$_status" -ne 0 ]; then
		for _log in "$work"/node.*/log.ctdb; do
			printf -- '--- %s\n' "$_log"
			tail -n "${LOG_LINES:-40}" "$_log"
		done
	fi
	also_finish "$_status"
	remove_cluster
	exit "$_status"
}
trap finish EXIT
trap 'exit 130' INT TERM

install_node() {
	_base=$(prefix "$1")
	mkdir -p "$_base/run" "$_base/var/volatile" "$_base/var/persistent" "$_base/var/state" "$_base/share" \
		"$_base/events/cluster" "$_base/events/service" "$_base/events/failover" "$_base/events/notification"
	ln -sfn "$CTDB_SOURCE/events" "$_base/share/events"
	ln -sfn "$CTDB_SOURCE/events/failover/10.pubip.script" "$_base/events/failover/10.pubip.script"
	every_address >"$_base/nodes"
	for _address in $public_addresses; do
		case "$_address" in
		*:*) printf '%s/64 pub\n' "$_address" ;;
		*) printf '%s/24 pub\n' "$_address" ;;
		esac
	done >"$_base/public_addresses"
	cat >"$_base/ctdb.conf" <<-CONF
		[logging]
			location = file:$_base/log.ctdb
			log level = ${LOG_LEVEL:-NOTICE}
		[cluster]
			node address = $private.$(($1 + 1))
			cluster lock = $work/cluster.lock
		[legacy]
			realtime scheduling = false
	CONF
}
on_node() {
	_on=$1
	shift
	ip netns exec "$(ns "$_on")" env CTDB_TEST_MODE=yes CTDB_BASE="$(prefix "$_on")" \
		CTDB_TEST_HELPER_BINDIR="$CTDB_BIN" PATH="$CTDB_BIN:$PATH" "$@"
}
ctdb_on() {
	_asked=$1
	shift
	on_node "$_asked" "$CTDB_BIN/ctdb" "$@"
}
start_node() {
	on_node "$1" "$CTDB_BIN/ctdbd" </dev/null
}
pid_of() {
	cat "$(prefix "$1")/run/${2:-ctdbd}.pid" 2>/dev/null
}
