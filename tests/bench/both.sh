# shellcheck shell=sh
# Three nodes of ours and three of Debian's ctdb package on loopback at the same time. Sourced by the benchmarks, whose first
# argument is BIN, the directory of our programs; start_both starts them, everything is ended on exit.
#
# Needs what tests/interop/debian-daemons needs (exit 77 without).

CTDB_BIN=$(CDPATH='' cd "$1" && pwd)
CTDB_SOURCE=$(CDPATH='' cd "$(dirname "$0")/../.." && pwd)
debian=$CTDB_SOURCE/tests/interop/debian-daemons

# shellcheck source=../integration/support/cluster.sh
. "$CTDB_SOURCE/tests/integration/support/cluster.sh"
results=$work/results
# shellcheck source=figures.sh
. "$CTDB_SOURCE/tests/bench/figures.sh"
theirs=$work/debian

# Ends Debian's daemons before the clean-up of the sourced file removes the directory.
finish() {
	_end=$?
	trap - EXIT
	set +e # a failure must not keep the rest from being cleaned up
	"$debian" stop "$theirs" || true
	(exit "$_end")
	clean_up
}
trap finish EXIT

start_both() {
	"$debian" start "$theirs" 3 || exit $?
	start_nodes 3
	wait_healthy 3
	say_machine
}

sockets_of() { # ours | debian
	for _n in 0 1 2; do
		case $1 in
		ours) printf '%s/run/ctdbd.socket\n' "$(base_of "$_n")" ;;
		debian) printf '%s/node.%s/run/ctdbd.socket\n' "$theirs" "$_n" ;;
		esac
	done
}
