# shellcheck shell=sh
# The files of one of our nodes in test mode, all below a directory of its own. Sourced; needs CTDB_BIN and CTDB_SOURCE.

# make_tree BASE: its directories, with the events that are shipped.
make_tree() {
	mkdir -p "$1/run" "$1/share" "$1/var/volatile" "$1/var/persistent" "$1/var/state" \
		"$1/events/cluster" "$1/events/service" "$1/events/failover" "$1/events/notification"
	ln -sfn "$CTDB_SOURCE/events" "$1/share/events"
}

# in_tree BASE COMMAND...: in the environment of that node.
in_tree() {
	_tree=$1
	shift
	env CTDB_TEST_MODE=yes CTDB_BASE="$_tree" CTDB_TEST_HELPER_BINDIR="$CTDB_BIN" PATH="$CTDB_BIN:$PATH" "$@"
}
