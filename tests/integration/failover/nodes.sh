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
# shellcheck source=../support/node_tree.sh
. "$CTDB_SOURCE/tests/integration/support/node_tree.sh"

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
	make_tree "$_base"
	ln -sfn "$CTDB_SOURCE/events/failover/10.pubip.script" "$_base/events/failover/10.pubip.script"
	every_address >"$_base/nodes"
	for _address in $public_addresses; do
		case "$_address" in
		*:*) printf '%s/64 pub\n' "$_address" ;;
		*) printf '%s/24 pub\n' "$_address" ;;
		esac
	done >"$_base/public_addresses"
	configuration "$1" >"$_base/ctdb.conf"
}
on_node() {
	_on=$1
	shift
	in_tree "$(prefix "$_on")" ip netns exec "$(ns "$_on")" "$@"
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
